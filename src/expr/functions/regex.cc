// Regular expressions, by RE2: linear in the text whatever the pattern, so no back references and no lookaround.
#include "expr/regex.h"

#include "expr/function_table.h"

namespace penstock::expr {

using data::Text;
using data::TypeKind;

namespace {

// --- the functions: text and pattern first ---

Result<bool> matches_with(const Regex& regex, const Text& text, bool negated) { return regex.find(text.view(), 0, {}) != negated; }
Result<bool> regex_matches(TextArena&, Regex& regex, Text text, Text pattern) {
  PENSTOCK_TRY(regex.compile(pattern.view(), ""));
  return matches_with(regex, text, false);
}
Result<bool> regex_matches_not(TextArena&, Regex& regex, Text text, Text pattern) {
  PENSTOCK_TRY(regex.compile(pattern.view(), ""));
  return matches_with(regex, text, true);
}
Result<bool> regex_matches_flags(TextArena&, Regex& regex, Text text, Text pattern, Text flags) {
  PENSTOCK_TRY(regex.compile(pattern.view(), flags.view()));
  if (regex.all()) return Error(Code::InvalidParameter, "regexp_like() does not support the \"global\" option");
  return matches_with(regex, text, false);
}

// The text from a character position on; positions count from 1.
Result<std::string_view> text_from(const Text& text, int32_t start) {
  if (start < 1) return error(Code::InvalidParameter, "invalid value for parameter \"start\": {}", start);
  return text.view().substr(prefix_bytes(text.view(), static_cast<size_t>(start) - 1));
}

Result<int32_t> regex_count_flags(TextArena&, Regex& regex, const Text& text, Text pattern, int32_t start, Text flags) {
  PENSTOCK_TRY(const std::string_view from, text_from(text, start));
  PENSTOCK_TRY(regex.compile(pattern.view(), flags.view()));
  int32_t n = 0;
  regex.for_each_match(from, [&](const auto&) { return ++n > 0; });
  return n;
}
Result<int32_t> regex_count_start(TextArena& arena, Regex& regex, const Text& text, Text pattern, int32_t start) {
  return regex_count_flags(arena, regex, text, pattern, start, Text());
}
Result<int32_t> regex_count(TextArena& arena, Regex& regex, const Text& text, Text pattern) {
  return regex_count_flags(arena, regex, text, pattern, 1, Text());
}

// Group `group` of the n-th match; NULL if there is no such match, or the group took no part in it.
std::optional<Text> nth_match(Regex& regex, std::string_view text, int32_t n, size_t group) {
  std::optional<Text> out;
  regex.for_each_match(text, [&](const Regex::Groups& found) {
    if (--n > 0) return true;
    if (group < found.size() && found[group].data() != nullptr) out = Text({found[group].data(), found[group].size()});
    return false;
  });
  return out;
}
Result<std::optional<Text>> regex_substr_group(TextArena&, Regex& regex, const Text& text, Text pattern, int32_t start, int32_t n,
                                               Text flags, int32_t group) {
  PENSTOCK_TRY(const std::string_view from, text_from(text, start));
  if (n < 1) return error(Code::InvalidParameter, "invalid value for parameter \"n\": {}", n);
  if (group < 0) return error(Code::InvalidParameter, "invalid value for parameter \"subexpr\": {}", group);
  PENSTOCK_TRY(regex.compile(pattern.view(), flags.view()));
  if (regex.all()) return Error(Code::InvalidParameter, "regexp_substr() does not support the \"global\" option");
  return nth_match(regex, from, n, static_cast<size_t>(group));
}
Result<std::optional<Text>> regex_substr_flags(TextArena& arena, Regex& regex, const Text& text, Text pattern, int32_t start, int32_t n,
                                               Text flags) {
  return regex_substr_group(arena, regex, text, pattern, start, n, flags, 0);
}
Result<std::optional<Text>> regex_substr_nth(TextArena& arena, Regex& regex, const Text& text, Text pattern, int32_t start, int32_t n) {
  return regex_substr_group(arena, regex, text, pattern, start, n, Text(), 0);
}
Result<std::optional<Text>> regex_substr_start(TextArena& arena, Regex& regex, const Text& text, Text pattern, int32_t start) {
  return regex_substr_group(arena, regex, text, pattern, start, 1, Text(), 0);
}
Result<std::optional<Text>> regex_substr(TextArena& arena, Regex& regex, const Text& text, Text pattern) {
  return regex_substr_group(arena, regex, text, pattern, 1, 1, Text(), 0);
}
// SUBSTRING(text FROM pattern): the first group if there is one.
Result<std::optional<Text>> regex_substring(TextArena&, Regex& regex, const Text& text, Text pattern) {
  PENSTOCK_TRY(regex.compile(pattern.view(), ""));
  return nth_match(regex, text.view(), 1, regex.groups() > 0 ? 1 : 0);
}

// Appends the replacement: \1 to \9 are groups, \& the whole match, \\ a backslash.
void append_replacement(std::string& out, std::string_view replacement, const Regex::Groups& found) {
  for (size_t i = 0; i < replacement.size(); ++i) {
    const char next = replacement[i] == '\\' && i + 1 < replacement.size() ? replacement[i + 1] : '\0';
    const bool digit = next >= '1' && next <= '9';
    if (digit || next == '&') {
      const auto group = static_cast<size_t>(digit ? next - '0' : 0);
      if (group < found.size() && found[group].data() != nullptr) out.append(found[group].data(), found[group].size());
      ++i;
    } else {
      out += replacement[i];
      if (next == '\\') ++i;
    }
  }
}
Result<Text> regex_replace_flags(TextArena& arena, Regex& regex, const Text& text, Text pattern, Text replacement, Text flags) {
  PENSTOCK_TRY(regex.compile(pattern.view(), flags.view()));
  std::string out;
  size_t copied = 0;
  regex.for_each_match(text.view(), [&](const Regex::Groups& found) {
    const auto begin = static_cast<size_t>(found[0].data() - text.view().data());
    out.append(text.view().substr(copied, begin - copied));
    append_replacement(out, replacement.view(), found);
    copied = begin + found[0].size();
    return regex.all();
  });
  out.append(text.view().substr(copied));
  return arena.copy(out);
}
Result<Text> regex_replace(TextArena& arena, Regex& regex, const Text& text, Text pattern, Text replacement) {
  return regex_replace_flags(arena, regex, text, pattern, replacement, Text());
}

// --- kernels ---

template <typename F>
struct RegexSignature;
template <typename R, typename... A>
struct RegexSignature<R (*)(TextArena&, Regex&, A...)> {
  template <auto F>
  static data::Column run(const KernelCall& call, Regex& regex) {
    return map_rows<typename internal::Unwrap<R>::Value, std::remove_cvref_t<A>...>(
        call, [&](TextArena& arena, const std::remove_cvref_t<A>&... x) { return F(arena, regex, x...); });
  }
};

// A constant pattern is compiled here; each kernel call begins with a copy of it.
template <auto F, bool kIgnoreCase, size_t kFlagsAt>
Result<Kernel> bind_regex(const BindArgs& args) {
  const auto pattern = constant_text(args, 1);
  const auto flags = kFlagsAt < args.types.size() ? constant_text(args, kFlagsAt) : std::optional<std::string>("");
  Regex prepared(kIgnoreCase);
  if (pattern && flags) {
    PENSTOCK_TRY(prepared.compile(*pattern, *flags));
  }
  return Kernel([prepared = std::move(prepared)](const KernelCall& call) {
    Regex regex = prepared;
    return RegexSignature<decltype(F)>::template run<F>(call, regex);
  });
}

constexpr size_t kNoFlags = SIZE_MAX;
constexpr auto kText = TypeKind::Varchar;
constexpr auto kInt = TypeKind::Int32;

void register_regex_pieces(FunctionTable& table) {
  table.add_bound("regexp_count", {kText, kText}, kInt, bind_regex<&regex_count, false, kNoFlags>);
  table.add_bound("regexp_count", {kText, kText, kInt}, kInt, bind_regex<&regex_count_start, false, kNoFlags>);
  table.add_bound("regexp_count", {kText, kText, kInt, kText}, kInt, bind_regex<&regex_count_flags, false, 3>);
  table.add_bound("regexp_substr", {kText, kText}, kText, bind_regex<&regex_substr, false, kNoFlags>);
  table.add_bound("regexp_substr", {kText, kText, kInt}, kText, bind_regex<&regex_substr_start, false, kNoFlags>);
  table.add_bound("regexp_substr", {kText, kText, kInt, kInt}, kText, bind_regex<&regex_substr_nth, false, kNoFlags>);
  table.add_bound("regexp_substr", {kText, kText, kInt, kInt, kText}, kText, bind_regex<&regex_substr_flags, false, 4>);
  table.add_bound("regexp_substr", {kText, kText, kInt, kInt, kText, kInt}, kText, bind_regex<&regex_substr_group, false, 4>);
  table.add_bound("substring", {kText, kText}, kText, bind_regex<&regex_substring, false, kNoFlags>);
  table.add_bound("regexp_replace", {kText, kText, kText}, kText, bind_regex<&regex_replace, false, kNoFlags>);
  table.add_bound("regexp_replace", {kText, kText, kText, kText}, kText, bind_regex<&regex_replace_flags, false, 3>);
}

}  // namespace

void register_regex(FunctionTable& table) {
  constexpr auto kBool = TypeKind::Boolean;
  table.add_bound("regexp_like", {kText, kText}, kBool, bind_regex<&regex_matches, false, kNoFlags>);
  table.add_bound("regexp_like", {kText, kText, kText}, kBool, bind_regex<&regex_matches_flags, false, 2>);
  table.add_bound("regexp_ilike", {kText, kText}, kBool, bind_regex<&regex_matches, true, kNoFlags>);
  table.add_bound("not_regexp_like", {kText, kText}, kBool, bind_regex<&regex_matches_not, false, kNoFlags>);
  table.add_bound("not_regexp_ilike", {kText, kText}, kBool, bind_regex<&regex_matches_not, true, kNoFlags>);
  register_regex_pieces(table);
}

}  // namespace penstock::expr
