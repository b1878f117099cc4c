# shellcheck shell=bash
# Whole-system benches are Python over real processes (benches/NAME/bench.py); micro-benches are Google Benchmark binaries.

whole_benches() { find benches -name bench.py | sed 's|benches/||; s|/bench\.py$||' | sort | tr '\n' ' '; }
micro_benches() { find benches -name '*.cc' | sed 's|benches/||; s|\.cc$||; s|/|_|g' | sort | tr '\n' ' '; }

list_benches() {
  echo "whole systems: $(whole_benches)"
  echo "micro: $(micro_benches)"
  echo "./dev bench NAME --help prints what one takes"
}

cmd_bench() {
  local name=${1:-}
  [ $# -eq 0 ] || shift
  case "$name" in
    "" | -h | --help) list_benches; return ;;
  esac
  if [ -f "benches/$name/bench.py" ]; then
    cmd_setup
    local needs=(penstock)
    [ "$name" != barriers ] || needs+=(bench_stream_task_barrier_worker_collects)
    build release "${needs[@]}"
    exec .venv/bin/python "benches/$name/bench.py" "$@"
  fi
  if ! micro_benches | tr ' ' '\n' | grep -qx "$name"; then
    echo "dev: there is no bench '$name'" >&2
    list_benches >&2
    return 2
  fi
  build release "bench_$name"
  exec "build/release/bin/bench_$name" "$@"
}
