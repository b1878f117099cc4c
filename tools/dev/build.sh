# shellcheck shell=bash
# Building: presets of CMakePresets.json, with ccache shared between checkouts.

dev_env() {
  export CCACHE_DIR="${CCACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/penstock-ccache}"
  export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-5G}"
  export CCACHE_SLOPPINESS=pch_defines,time_macros
}

# build PRESET [TARGET…]: configures when needed and builds. One build at a time on a machine, so that two never share its cores.
build() {
  local preset=$1
  shift
  dev_env
  exec 9>"${TMPDIR:-/tmp}/penstock-build-$(id -u).lock"
  if ! flock -n 9; then
    echo "dev: another build is running; waiting for it" >&2
    flock 9
  fi
  if [ ! -f "build/$preset/build.ninja" ]; then
    mkdir -p "build/$preset"
    if ! cmake --preset "$preset" > "build/$preset/configure.log" 2>&1; then
      cat "build/$preset/configure.log"
      echo "dev: configuring failed; on a new machine run ./dev setup first" >&2
      return 1
    fi
  fi
  local targets=()
  [ $# -eq 0 ] || targets=(--target "$@")
  local result=0
  cmake --build "build/$preset" "${targets[@]}" 9>&- || result=$?
  exec 9>&-
  return "$result"
}

cmd_build() { build "${1:-release}" "${@:2}"; }
