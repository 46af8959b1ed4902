# Shared by dcat.sh and adr.sh. Sourced, not run.
#
# The official shapes and rulesets are not part of this repository. They are
# read from the folder in BUURTMETER_SHARED (default: ../shared beside the
# repository), which holds dcat/validate, dcat/shapes and adr.

set -u

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
shared=${BUURTMETER_SHARED:-$root/../shared}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/buurtmeter
findings=0

stop() { # message: cannot go on
  echo "error: $1" >&2
  exit 2
}

need() { # program, package that has it
  command -v "$1" >/dev/null 2>&1 || stop "$1 is missing: install $2"
}

finding() {
  findings=$((findings + 1))
  echo "FINDING $1"
}

# tools FOLDER NAME: a copy of the folder with its npm packages, kept between
# runs under a name that changes with the lock file and the folder's own files.
# Prints its path.
tools() {
  local from=$shared/$1 key dir
  [ -d "$from" ] || stop "no folder $from: set BUURTMETER_SHARED to the folder with dcat and adr"
  key=$(cd "$from" && find . -maxdepth 1 -type f | LC_ALL=C sort | xargs cat | sha256sum | cut -c1-16)
  dir=$cache/$2-$key
  if [ ! -f "$dir/.ready" ]; then
    rm -rf "$dir" && mkdir -p "$dir" && cp -R "$from/." "$dir/" && chmod -R u+w "$dir" || stop "cannot fill $dir"
    (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund) >&2 || stop "npm ci failed in $dir: is the package registry reachable?"
    touch "$dir/.ready"
  fi
  echo "$dir"
}

# rdflib prints the name of a python3 that has rdflib.
rdflib() {
  local p
  for p in python3 /usr/bin/python3; do
    "$p" -c 'import rdflib' 2>/dev/null && echo "$p" && return
  done
  stop "python3 with rdflib is missing: install python3-rdflib"
}

finish() { # name
  if [ "$findings" -eq 0 ]; then
    echo "$1: 0 findings"
    exit 0
  fi
  echo "$1: $findings finding(s)"
  exit 1
}
