#!/usr/bin/env bash
# Lets GDAL read the features and the GeoJSON files of a running server, as QGIS
# and other map programs do.
#
#   deploy/conformance/gdal.sh http://127.0.0.1:8080
#
# Every collection of OGC API Features is read whole, over several pages, and so is
# every GeoJSON download. A finding is: anything on standard error, a warning, or
# another number of features than the server says.
# Exit: 0 no findings, 1 findings, 2 could not be checked.
. "$(dirname "$0")/lib.sh"
[ $# -eq 1 ] || stop "usage: gdal.sh URL-OF-THE-SERVER"
base=${1%/}
need ogrinfo gdal-bin
need curl curl
need node "Node.js 20 or newer"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# field FILE JAVASCRIPT: prints what the expression makes of the document d.
field() {
  node -e 'const d = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")); for (const x of [].concat(eval(process.argv[2]))) console.log(x)' "$1" "$2"
}

# reads NAME SOURCE COUNT [option...]: GDAL reads the source without a word of
# complaint and finds so many features.
reads() {
  local name=$1 source=$2 want=$3 got
  shift 3
  ogrinfo -ro -al "$@" "$source" >"$work/out" 2>"$work/err"
  [ -s "$work/err" ] && finding "$name: GDAL says: $(head -3 "$work/err" | tr '\n' ' ')"
  grep -qiE '^(warning|error)' "$work/out" && finding "$name: $(grep -iE '^(warning|error)' "$work/out" | head -1)"
  got=$(grep -cE '^OGRFeature\(' "$work/out")
  [ "$got" -eq "$want" ] || finding "$name: GDAL reads $got features, the server has $want"
  echo "   $name: $got features"
}

ogc=$base/v1/ogc
curl -sSf -o "$work/collections" "$ogc/collections" || stop "no collections at $ogc/collections"
for id in $(field "$work/collections" 'd.collections.map(c => c.id)'); do
  curl -sSf -o "$work/items" "$ogc/collections/$id/items?limit=1" || stop "no features at $ogc/collections/$id/items"
  n=$(field "$work/items" d.numberMatched)
  curl -sSf -o "$work/items" "$ogc/collections/$id/items?limit=10000"
  reads "ogc $id, one document" "$work/items" "$n"
  [ "$n" -gt 0 ] || continue
  # The driver opens the whole service; the layer is chosen by name.
  ogrinfo -ro -oo PAGE_SIZE=7 "OAPIF:$ogc" "$id" >"$work/out" 2>"$work/err"
  [ -s "$work/err" ] && finding "ogc $id: GDAL says: $(head -3 "$work/err" | tr '\n' ' ')"
  got=$(grep -cE '^OGRFeature\(' "$work/out")
  [ "$got" -eq "$n" ] || finding "ogc $id: GDAL reads $got features page by page, the server has $n"
  echo "   ogc $id, page by page: $got features"
done

for path in "areas?f=geojson" "datasets/verdicts/data.geojson" "datasets/hours/data.geojson"; do
  curl -sSf -o "$work/file.geojson" "$base/v1/$path" || { finding "$path cannot be fetched"; continue; }
  reads "$path" "$work/file.geojson" "$(field "$work/file.geojson" d.features.length)"
done
finish "GDAL"
