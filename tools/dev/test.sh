# shellcheck shell=bash

cmd_test() {
  cmd_setup
  build release
  ctest --test-dir build/release --output-on-failure "$@"
}

# The unit tests under AddressSanitizer and UndefinedBehaviorSanitizer.
cmd_test-asan() {
  build asan
  LSAN_OPTIONS="suppressions=$PWD/tools/sanitizers/lsan.supp print_suppressions=0" \
  ASAN_OPTIONS=detect_stack_use_after_return=0 \
    ctest --test-dir build/asan --output-on-failure -L unit "$@"
}
