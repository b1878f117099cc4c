// LIKE and ILIKE. A constant pattern is compiled once.
#include "expr/function_table.h"
#include "expr/letter_case.h"
#include "expr/like_pattern.h"

namespace penstock::expr {

using data::Column;
using data::Text;
using data::TypeKind;

namespace {

// Lower case in a buffer that is used again for each row.
std::string_view lowered(std::string_view text, std::string& buffer) {
  buffer.resize(2 * text.size());
  return std::string_view(buffer).substr(0, to_lower_case(text, buffer.data()));
}

Result<LikePattern> compile_like(std::string_view pattern, std::string_view escape, bool ignore_case) {
  std::string buffer;
  return LikePattern::compile(ignore_case ? lowered(pattern, buffer) : pattern, escape);
}

template <bool kNegated, typename F>
Column like_rows(const KernelCall& call, F&& matches) {
  const KernelCall text_only{call.args.first(1), call.rows, call.active, call.type, call.errors};
  return map_rows<bool, Text>(text_only, [&](TextArena&, const Text& text) { return matches(text.view()) != kNegated; });
}

template <bool kNegated>
Column like_constant(const LikePattern& pattern, const KernelCall& call) {
  const std::string_view literal = pattern.literal();
  switch (pattern.shape()) {
    case LikePattern::Shape::Prefix:
      return like_rows<kNegated>(call, [=](std::string_view text) { return text.starts_with(literal); });
    case LikePattern::Shape::Suffix:
      return like_rows<kNegated>(call, [=](std::string_view text) { return text.ends_with(literal); });
    case LikePattern::Shape::Equal:
      return like_rows<kNegated>(call, [=](std::string_view text) { return text == literal; });
    case LikePattern::Shape::Contains:
    case LikePattern::Shape::General:
      break;
  }
  return like_rows<kNegated>(call, [&](std::string_view text) { return pattern.matches(text); });
}

// The pattern is a column: it is compiled again only when it changes.
template <bool kIgnoreCase, bool kNegated>
Column like_each(const KernelCall& call) {
  std::string buffer;
  std::string last_pattern, last_escape;
  std::optional<Result<LikePattern>> compiled;
  const auto match = [&](std::string_view text, std::string_view pattern, std::string_view escape) -> Result<bool> {
    if (!compiled || pattern != last_pattern || escape != last_escape) {
      last_pattern = pattern;
      last_escape = escape;
      compiled = compile_like(pattern, escape, kIgnoreCase);
    }
    if (compiled->has_error()) return compiled->error();
    return compiled->value().matches(kIgnoreCase ? lowered(text, buffer) : text) != kNegated;
  };
  if (call.args.size() == 2) {
    return map_rows<bool, Text, Text>(
        call, [&](TextArena&, const Text& text, const Text& pattern) { return match(text.view(), pattern.view(), "\\"); });
  }
  return map_rows<bool, Text, Text, Text>(call, [&](TextArena&, const Text& text, const Text& pattern, const Text& escape) {
    return match(text.view(), pattern.view(), escape.view());
  });
}

template <bool kIgnoreCase, bool kNegated>
Result<Kernel> bind_like(const BindArgs& args) {
  const auto pattern = constant_text(args, 1);
  const auto escape = args.types.size() == 3 ? constant_text(args, 2) : std::optional<std::string>("\\");
  if (!pattern || !escape) return Kernel(like_each<kIgnoreCase, kNegated>);
  PENSTOCK_TRY(auto compiled, compile_like(*pattern, *escape, kIgnoreCase));
  return Kernel([compiled = std::move(compiled)](const KernelCall& call) {
    if constexpr (!kIgnoreCase) return like_constant<kNegated>(compiled, call);
    std::string buffer;
    return like_rows<kNegated>(call, [&](std::string_view text) { return compiled.matches(lowered(text, buffer)); });
  });
}

template <bool kIgnoreCase, bool kNegated>
void add_like(FunctionTable& table, std::string_view name) {
  constexpr auto kText = TypeKind::Varchar;
  table.add_bound(name, {kText, kText}, TypeKind::Boolean, bind_like<kIgnoreCase, kNegated>);
  table.add_bound(name, {kText, kText, kText}, TypeKind::Boolean, bind_like<kIgnoreCase, kNegated>);
}

}  // namespace

void register_like(FunctionTable& table) {
  add_like<false, false>(table, "like");
  add_like<false, true>(table, "not_like");
  add_like<true, false>(table, "ilike");
  add_like<true, true>(table, "not_ilike");
}

}  // namespace penstock::expr
