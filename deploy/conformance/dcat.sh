#!/usr/bin/env bash
# Holds the catalogue of a running server against the official shapes.
#
#   deploy/conformance/dcat.sh http://127.0.0.1:8080
#
# Checks, for Turtle, RDF/XML and JSON-LD alike:
#   - DCAT-AP 3.0.1 and DCAT-AP-NL 3.0 with the European code lists;
#   - the working version of DCAT-AP-NL and the recommended properties;
#   - that the three syntaxes are one graph;
#   - that a CKAN-like harvester with rdflib reads it, HEAD first.
# Exit: 0 no findings, 1 findings, 2 could not be checked.
. "$(dirname "$0")/lib.sh"
[ $# -eq 1 ] || stop "usage: dcat.sh URL-OF-THE-SERVER"
base=${1%/}
need node "Node.js 20 or newer"
need npm "Node.js 20 or newer"
need curl curl
dir=$(tools dcat/validate dcat-validate) || exit 2
python=$(rdflib) || exit 2
export DCAT_SHAPES=$shared/dcat/shapes
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

catalog=$base/v1/dcat/catalog
hashes=
for pair in ttl=text/turtle rdf=application/rdf+xml jsonld=application/ld+json; do
  ext=${pair%%=*} type=${pair#*=}
  for profiles in dcat-ap,dcat-ap-nl,codelists dcat-ap-nl-next,recommended; do
    echo "-- $type: $profiles"
    node "$dir/validate.mjs" --profile "$profiles" --accept "$type" "$catalog" || finding "$type does not hold with $profiles"
  done
  got=$(curl -sS -o "$work/negotiated.$ext" -w '%{http_code} %{content_type}' -H "Accept: $type" "$catalog") || finding "$type: no answer"
  case $got in
    "200 $type" | "200 $type;"*) ;;
    *) finding "Accept: $type was answered with $got" ;;
  esac
  curl -sS -o "$work/catalog.$ext" "$catalog.$ext" || finding "$catalog.$ext: no answer"
  cmp -s "$work/negotiated.$ext" "$work/catalog.$ext" || finding "$catalog.$ext differs from the negotiated answer"
  if node "$dir/convert.mjs" "$work/catalog.$ext" --canon >"$work/$ext.nq" && [ -s "$work/$ext.nq" ]; then
    hash=$(sha256sum <"$work/$ext.nq")
    echo "-- $ext: $(wc -l <"$work/$ext.nq") triples, ${hash%% *}"
    hashes="$hashes${hash%% *}"$'\n'
  else
    finding "$ext cannot be read"
  fi
done
[ "$(printf '%s' "$hashes" | sort -u | wc -l)" -eq 1 ] || finding "the three syntaxes are not one graph"

echo "-- harvest as CKAN does"
for url in "$catalog" "$catalog.ttl" "$catalog.rdf" "$catalog.jsonld"; do
  "$python" "$dir/harvest_check.py" "$url" || finding "$url cannot be harvested"
done
finish "DCAT-AP-NL"
