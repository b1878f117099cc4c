# shellcheck shell=bash

cmd_demo() {
  case "${1:-}" in -h | --help) sed -n '2,/^"""/p' tools/demo/demo.py | head -8; return ;; esac
  cmd_setup
  build release penstock
  exec .venv/bin/python tools/demo/demo.py "$@"
}

cmd_run() {
  build release penstock >&2
  exec build/release/bin/penstock "$@"
}
