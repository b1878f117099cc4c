// Finding text in text: position, replace, split_part, translate.
#include "expr/text_find.h"

#include "expr/function_table.h"
#include "expr/utf8.h"

namespace penstock::expr {

using data::Text;
using data::TypeKind;

namespace {

// Counted in characters from 1; 0 if it is not there.
int32_t position_of(const Text& text, const Text& part) {
  const size_t at = find_text(text.view(), part.view());
  return at == std::string_view::npos ? 0 : static_cast<int32_t>(char_count(text.view().substr(0, at))) + 1;
}
bool starts_with_text(Text text, Text prefix) { return text.view().starts_with(prefix.view()); }
bool ends_with_text(Text text, Text suffix) { return text.view().ends_with(suffix.view()); }

// Calls `f(position)` for each place where `part` begins, none overlapping the one before, until it answers false.
template <typename F>
void for_each_hit(std::string_view text, std::string_view part, F&& f) {
  if (part.size() == 1) return for_each_byte(text, part.front(), f);
  for (size_t at = 0; !part.empty();) {
    const size_t hit = find_text(text.substr(at), part);
    if (hit == std::string_view::npos || !f(at + hit)) return;
    at += hit + part.size();
  }
}

Result<Text> replace_all(TextArena& arena, const Text& text, const Text& from, const Text& to) {
  const std::string_view all = text.view();
  size_t hits = 0;
  for_each_hit(all, from.view(), [&](size_t) { return ++hits > 0; });
  if (hits == 0) return text;
  const size_t size = all.size() - hits * from.size() + hits * to.size();
  if (size > arena.room()) return TextArena::too_long();
  char* const out = arena.reserve(size);
  char* at = out;
  size_t copied = 0;
  for_each_hit(all, from.view(), [&](size_t hit) {
    at = std::copy(all.data() + copied, all.data() + hit, at);
    at = std::copy_n(to.data(), to.size(), at);
    copied = hit + from.size();
    return true;
  });
  std::copy(all.data() + copied, all.data() + all.size(), at);
  return arena.commit(size);
}

std::string_view field_from_start(std::string_view text, std::string_view delimiter, int32_t n) {
  size_t begin = 0;
  size_t end = std::string_view::npos;
  for_each_hit(text, delimiter, [&](size_t hit) {
    if (n == 1) {
      end = hit;
      return false;
    }
    --n;
    begin = hit + delimiter.size();
    return true;
  });
  return n == 1 ? text.substr(begin, end == std::string_view::npos ? end : end - begin) : std::string_view();
}
std::string_view field_from_end(std::string_view rest, std::string_view delimiter, int32_t n) {
  for (; n < -1; ++n) {
    const size_t at = rest.rfind(delimiter);
    if (at == std::string_view::npos) return {};
    rest = rest.substr(0, at);
  }
  const size_t at = rest.rfind(delimiter);
  return at == std::string_view::npos ? rest : rest.substr(at + delimiter.size());
}
// The n-th field, from the end if n is negative; empty if there are fewer.
Result<Text> split_part(const Text& text, const Text& delimiter, int32_t n) {
  if (n == 0) return Error(Code::InvalidParameter, "field position must not be zero");
  if (delimiter.size() == 0) return n == 1 || n == -1 ? text : Text();
  return Text(n > 0 ? field_from_start(text.view(), delimiter.view(), n) : field_from_end(text.view(), delimiter.view(), n));
}

// Each character of `from` becomes the one of `to` at its place, or goes if there is none.
Text translate_chars(TextArena& arena, Text text, Text from, Text to) {
  char* const out = arena.reserve(4 * size_t{text.size()});
  char* at = out;
  for (std::string_view rest = text.view(); !rest.empty();) {
    const std::string_view c = first_char(rest);
    rest.remove_prefix(c.size());
    const size_t hit = from.view().find(c);
    std::string_view replacement = c;
    if (hit != std::string_view::npos) {
      const std::string_view others = to.view();
      replacement = first_char(others.substr(prefix_bytes(others, char_count(from.view().substr(0, hit)))));
    }
    at = std::copy(replacement.begin(), replacement.end(), at);
  }
  return arena.commit(static_cast<size_t>(at - out));
}

}  // namespace

void register_text_search(FunctionTable& table) {
  constexpr auto kText = TypeKind::Varchar;
  for (const auto* const name : {"position", "strpos"}) table.add(name, {kText, kText}, TypeKind::Int32, each<&position_of>);
  table.add("starts_with", {kText, kText}, TypeKind::Boolean, each<&starts_with_text>);
  table.add("ends_with", {kText, kText}, TypeKind::Boolean, each<&ends_with_text>);
  table.add("replace", {kText, kText, kText}, kText, each<&replace_all>);
  table.add("split_part", {kText, kText, TypeKind::Int32}, kText, each<&split_part>);
  table.add("translate", {kText, kText, kText}, kText, each<&translate_chars>);
}

}  // namespace penstock::expr
