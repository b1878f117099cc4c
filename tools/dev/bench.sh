# shellcheck shell=bash
# Whole-system benches are Python over real processes; micro-benches are Google Benchmark binaries.

cmd_bench() {
  local name=${1:-}
  [ $# -eq 0 ] || shift
  case "$name" in
    "")
      echo "whole systems: flights recovery"
      echo "micro: $(find benches -name '*.cc' | sed 's|benches/||; s|\.cc$||; s|/|_|g' | sort | tr '\n' ' ')"
      ;;
    flights | recovery)
      cmd_setup
      build release penstock
      exec .venv/bin/python "benches/$name/bench.py" "$@"
      ;;
    *)
      build release "bench_$name"
      exec "build/release/bin/bench_$name" "$@"
      ;;
  esac
}
