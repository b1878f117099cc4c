# shellcheck shell=bash

cmd_test() {
  cmd_setup
  build release
  ctest --test-dir build/release --output-on-failure "$@"
}
