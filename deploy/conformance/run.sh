#!/usr/bin/env bash
# Starts the program with a small simulated fleet and holds its catalogue and
# its API against the official rules. usage: run.sh path/to/buurtmeter
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
bin="${1:-$here/../../bin/buurtmeter}"
[ -x "$bin" ] || { echo "no program at $bin: run 'make build' first" >&2; exit 2; }
scratch="$(mktemp -d)"
pid=""
finish() {
  [ -z "$pid" ] || { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }
  rm -rf "$scratch"
}
trap finish EXIT

"$bin" demo --data "$scratch/data" --http 127.0.0.1:0 --mqtt-listen 127.0.0.1:0 --fleet 6 --backfill-from 2025-01-01 --live 1h >"$scratch/out" 2>"$scratch/err" &
pid=$!
url=""
for _ in $(seq 1 300); do
  url="$(grep -o 'http://[0-9.:]*' "$scratch/out" | head -1 || true)"
  [ -n "$url" ] && break
  kill -0 "$pid" 2>/dev/null || { cat "$scratch/err" >&2; exit 1; }
  sleep 0.2
done
[ -n "$url" ] || { echo "the program did not print its address" >&2; exit 1; }
# Wait for data, and until it no longer changes: the three syntaxes are compared.
state() { curl -fsI "$url/v1/dcat/catalog" | grep -i '^etag:' || true; }
for _ in $(seq 1 300); do
  curl -fs "$url/v1/verdicts?norm=eu2008-no2-y&year=2025" | grep -q '"outcome"' && break
  sleep 0.5
done
before=none
for _ in $(seq 1 60); do
  now="$(state)"
  [ "$now" = "$before" ] && break
  before="$now"
  sleep 4
done
failed=0
bash "$here/dcat.sh" "$url" || failed=1
bash "$here/adr.sh" "$url" || failed=1
bash "$here/gdal.sh" "$url" || failed=1
exit "$failed"
