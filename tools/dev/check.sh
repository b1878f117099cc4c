# shellcheck shell=bash
# Format, the house's rules, clang-tidy: over what changed since BASE (default: the commit main was at, else HEAD), or --all.

changed_sources() {
  if [ "$1" = all ]; then
    git ls-files 'src/*.cc' 'src/*.h' 'tests/*.cc' 'tests/*.h' 'benches/*.cc'
  else
    { git diff --name-only --diff-filter=d HEAD; git ls-files --others --exclude-standard; } |
      grep -E '^(src|tests|benches)/.*\.(cc|h)$' | sort -u || true
  fi
}

cmd_check() {
  local scope=changed
  case "${1:-}" in
    --rules) python3 tools/check_rules.py; return ;;
    --gcc) build gcc; return ;;
    --all) scope=all ;;
    "") ;;
    *) echo "usage: ./dev check [--all | --rules | --gcc]" >&2; return 2 ;;
  esac
  python3 tools/check_rules.py
  local files
  mapfile -t files < <(changed_sources "$scope")
  if [ ${#files[@]} -eq 0 ]; then
    echo "check: no source changed"
    return
  fi
  clang-format-19 --dry-run --Werror "${files[@]}"
  local units
  mapfile -t units < <(printf '%s\n' "${files[@]}" | grep '\.cc$' || true)
  if [ ${#units[@]} -gt 0 ]; then
    build dev penstock_common > /dev/null
    printf '%s\0' "${units[@]}" | xargs -0 -P "$(nproc)" -n 4 clang-tidy-19 -p build/dev --quiet
  fi
  echo "check: ${#files[@]} files"
}

cmd_fmt() {
  local files
  mapfile -t files < <(changed_sources "$([ "${1:-}" = --all ] && echo all || echo changed)")
  [ ${#files[@]} -eq 0 ] || clang-format-19 -i "${files[@]}"
}
