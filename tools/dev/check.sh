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

# The release build's units, several sources in one: a tenth of the time of one source after the other.
tidy_all() {
  build release benches > /dev/null
  grep -oP '"file": "\K[^"]+' build/release/compile_commands.json | grep -vE '\.pb\.cc$|/pch\.cc$' | sort -u | tr '\n' '\0' |
    xargs -0 -P "$(nproc)" -n 1 clang-tidy-19 -p build/release --quiet --checks=-bugprone-suspicious-include
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
  if [ "$scope" = all ]; then
    tidy_all
    echo "check: ${#files[@]} files"
    return
  fi
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
