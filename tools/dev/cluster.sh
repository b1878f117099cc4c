# shellcheck shell=bash
# A cluster of real processes on this machine, in a temporary folder, until Ctrl-C.

cmd_cluster() {
  local computes=2
  case "${1:-}" in
    --computes) computes=${2:?--computes needs a number} ;;
    "") ;;
    *) echo "usage: ./dev cluster [--computes N]" >&2; return 2 ;;
  esac
  build release penstock
  local folder pids=()
  folder=$(mktemp -d -t penstock-cluster-XXXXXX)
  # shellcheck disable=SC2317
  stop_cluster() {
    trap - EXIT INT TERM
    kill "${pids[@]}" 2>/dev/null || true
    wait "${pids[@]}" 2>/dev/null || true
    rm -rf "$folder"
  }
  trap stop_cluster EXIT INT TERM
  local binary=build/release/bin/penstock
  "$binary" meta --data-dir "$folder/meta" --listen 127.0.0.1:5690 & pids+=($!)
  local i
  for ((i = 0; i < computes; i++)); do
    "$binary" compute --data-dir "$folder/compute-$i" --listen "127.0.0.1:$((5688 + i * 100))" & pids+=($!)
  done
  "$binary" frontend & pids+=($!)
  echo "cluster of $computes computes in $folder; psql -h 127.0.0.1 -p 4566 -d dev -U root; Ctrl-C ends it"
  wait "${pids[@]}"
}
