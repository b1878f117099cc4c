# shellcheck shell=bash

dev_help() {
  cat <<'EOT'
usage: ./dev COMMAND [ARGS]

  setup                 install what the project needs (Debian 12; a second run does nothing)
  build [PRESET] [TGT]  build; presets: release (default), dev, asan, tsan, bench, gcc
  test [CTEST ARGS]     build and run every test
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
