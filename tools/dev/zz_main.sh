# shellcheck shell=bash

dev_help() {
  cat <<'EOT'
usage: ./dev COMMAND [ARGS]

  setup                    install what the project needs (Debian 12; a second run does nothing)
  demo [--crash] [--speed N|max] [--data DIR]
                           live views over real flights, checked at the end
  build [PRESET] [TARGET]  build; presets: release (default), dev, asan, tsan, bench, gcc
  test [CTEST ARGS]        build and run every test
  test-asan                the unit tests under sanitizers
  bench [NAME]             flights | recovery | pacing | barriers | NAME of a micro-benchmark; none: list them
  check [--all|--rules|--gcc]
                           format, house rules and clang-tidy over what changed
  fmt [--all]              clang-format
  run ARGS                 build, then penstock ARGS
  cluster [--computes N]   meta, computes and frontend as processes of their own, until Ctrl-C
EOT
}

dev_main() {
  local command=${1:-help}
  [ $# -eq 0 ] || shift
  case "$command" in
    help | -h | --help) dev_help ;;
    *)
      if ! declare -F "cmd_$command" > /dev/null; then
        echo "dev: no command '$command'" >&2
        dev_help >&2
        exit 2
      fi
      "cmd_$command" "$@"
      ;;
  esac
}
