#!/usr/bin/env bash
# Installs the servers and tools that the tests run against, on Debian 12.
# Running it again is harmless, and quick when everything is there.
#
#   deploy/test-deps.sh                   everything
#   deploy/test-deps.sh mosquitto influxd only these
#   deploy/test-deps.sh --check [part…]   install nothing, say what is missing
#
# Parts:
#   mosquitto   MQTT broker and its command line clients
#   postgresql  PostgreSQL server
#   influxd     InfluxDB 1.8.10 server, built with go install
#   chromium    browser for the tests of the site
#   rdflib      RDF reader (Python) for the tests of the catalogue feed
#   curl        for the conformance checks
#   gdal        GDAL, which reads the feeds as map programs do
#   telegraf    the peer of make bench-ingest, built with go install; only when
#               it is named
#   cc          C++ compiler, to link DuckDB, the peer of make bench-norm; only
#               when it is named
#
# Debian starts mosquitto and postgresql as services when it installs them. The
# tests do not use these: they start servers of their own, on free ports and in
# temporary folders. The script neither stops nor changes the services.
set -euo pipefail

readonly INFLUX_VERSION=1.8.10
readonly INFLUX_MODULE=github.com/influxdata/influxdb/cmd/influxd
readonly TELEGRAF_VERSION=1.37.2
readonly TELEGRAF_MODULE=github.com/influxdata/telegraf/cmd/telegraf
# With all plugins it does not build from the module proxy; these are enough.
readonly TELEGRAF_TAGS=custom,inputs.mqtt_consumer,outputs.influxdb_v2,outputs.influxdb,parsers.json_v2,parsers.json,parsers.influx,serializers.influx
readonly ALL_PARTS=(mosquitto postgresql influxd chromium rdflib curl gdal)

say() { printf 'test-deps: %s\n' "$*"; }

fail() {
  printf 'test-deps: %s\n' "$*" >&2
  exit 1
}

usage() {
  cat <<'TEXT'
Usage: test-deps.sh [--check] [part...]
Parts: mosquitto postgresql influxd chromium rdflib curl gdal (none named: these)
       telegraf cc (only when named)
TEXT
}

# packages_of PART prints the Debian packages of the part.
packages_of() {
  case "$1" in
    mosquitto) echo mosquitto mosquitto-clients ;;
    postgresql) echo postgresql ;;
    chromium) echo chromium ;;
    rdflib) echo python3-rdflib ;;
    curl) echo curl ;;
    gdal) echo gdal-bin ;;
    cc) echo g++ ;;
  esac
}

installed() {
  [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null || true)" == installed ]]
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "root is needed for: $* (run this script as root, or install sudo)"
  fi
}

# influxd_path prints where a usable influxd is, if anywhere. The tests look in
# the same places.
influxd_path() {
  local candidate
  for candidate in "$(command -v influxd || true)" "$(go env GOPATH 2>/dev/null || true)/bin/influxd"; do
    if [[ -x "$candidate" ]] && [[ "$("$candidate" version 2>/dev/null || true)" == *"v$INFLUX_VERSION "* ]]; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

install_packages() {
  command -v apt-get >/dev/null ||
    fail "apt-get is missing: this script is for Debian. Install by hand: $*"
  say "installing $*"
  # --no-install-recommends keeps mail servers and the like out.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" ||
    {
      say "trying again with fresh package lists"
      as_root apt-get update
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
    } ||
    fail "apt-get could not install $*: read its messages above, check the network and /etc/apt/sources.list"
}

install_influxd() {
  command -v go >/dev/null ||
    fail "go is missing: install Go 1.26 or later, then run this script again"
  say "building influxd $INFLUX_VERSION (about two minutes the first time)"
  # Outside the repository and without GOFLAGS, so that no go.mod takes part.
  (cd / && GOFLAGS='' go install -ldflags "-s -w -X main.version=$INFLUX_VERSION" "$INFLUX_MODULE@v$INFLUX_VERSION") ||
    fail "go install of influxd failed: read its messages above and check that the Go module proxy can be reached"
  influxd_path >/dev/null ||
    fail "influxd was built but is not in $(go env GOPATH)/bin: unset GOBIN, or put its folder on the PATH"
}

telegraf_there() {
  [[ -x "$(go env GOPATH 2>/dev/null || true)/bin/telegraf" ]] || command -v telegraf >/dev/null
}

install_telegraf() {
  command -v go >/dev/null ||
    fail "go is missing: install Go 1.26 or later, then run this script again"
  say "building telegraf $TELEGRAF_VERSION (about two minutes the first time)"
  (cd / && GOFLAGS='' go install -tags "$TELEGRAF_TAGS" -ldflags "-s -w" "$TELEGRAF_MODULE@v$TELEGRAF_VERSION") ||
    fail "go install of telegraf failed: read its messages above and check that the Go module proxy can be reached"
}

main() {
  local check=false part package
  local -a parts=() missing=()
  local need_influxd=false need_telegraf=false

  while (($# > 0)); do
    case "$1" in
      -h | --help) usage; return 0 ;;
      --check) check=true ;;
      mosquitto | postgresql | influxd | chromium | rdflib | curl | gdal | telegraf | cc) parts+=("$1") ;;
      *) usage >&2; fail "unknown part or option: $1" ;;
    esac
    shift
  done
  if ((${#parts[@]} == 0)); then
    parts=("${ALL_PARTS[@]}")
  fi

  for part in "${parts[@]}"; do
    if [[ "$part" == influxd ]]; then
      influxd_path >/dev/null || need_influxd=true
      continue
    fi
    if [[ "$part" == telegraf ]]; then
      telegraf_there || need_telegraf=true
      continue
    fi
    for package in $(packages_of "$part"); do
      installed "$package" || missing+=("$package")
    done
  done

  if ((${#missing[@]} == 0)) && [[ "$need_influxd" == false && "$need_telegraf" == false ]]; then
    say "all there: ${parts[*]}"
    return 0
  fi
  if [[ "$check" == true ]]; then
    ((${#missing[@]} == 0)) || say "missing packages: ${missing[*]}"
    [[ "$need_influxd" == false ]] || say "missing program: influxd $INFLUX_VERSION"
    [[ "$need_telegraf" == false ]] || say "missing program: telegraf $TELEGRAF_VERSION"
    fail "run deploy/test-deps.sh ${parts[*]} to install them"
  fi
  ((${#missing[@]} == 0)) || install_packages "${missing[@]}"
  [[ "$need_influxd" == false ]] || install_influxd
  [[ "$need_telegraf" == false ]] || install_telegraf
  say "installed: ${parts[*]}"
}

main "$@"
