#!/usr/bin/env bash
# Holds the OpenAPI document of a running server against both rulesets of the
# Dutch API Design Rules (2.1.0, in force, and the stricter main).
#
#   deploy/conformance/adr.sh http://127.0.0.1:8080
#
# The rules ask for https in the document's server address: give the server its
# public address (BaseURL) when it is started for this check.
# Exit: 0 no findings, 1 findings, 2 could not be checked.
. "$(dirname "$0")/lib.sh"
[ $# -eq 1 ] || stop "usage: adr.sh URL-OF-THE-SERVER"
base=${1%/}
need node "Node.js 20 or newer"
need npm "Node.js 20 or newer"
need curl curl
dir=$(tools adr adr) || exit 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

curl -sSf -D "$work/head" -o "$work/openapi.json" "$base/v1/openapi.json" || stop "no OpenAPI document at $base/v1/openapi.json"
grep -qi '^access-control-allow-origin: \*' "$work/head" || finding "openapi.json may not be read by other sites (CORS)"
grep -qi '^api-version: [0-9]' "$work/head" || finding "openapi.json has no API-Version header"
for rules in "$dir"/adr-linter-*.yaml; do
  echo "-- $(basename "$rules")"
  # --fail-severity=error decides the exit; warnings are shown.
  (cd "$dir" && npx --no-install spectral lint --fail-severity=error -r "$rules" "$work/openapi.json") || finding "$(basename "$rules") is not satisfied"
done
finish "API Design Rules"
