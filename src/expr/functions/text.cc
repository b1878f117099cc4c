// Text made from text: case, pieces, padding, joining. Positions and lengths count characters.
#include <openssl/evp.h>

#include "expr/letter_case.h"
#include "expr/special_forms.h"
#include "expr/utf8.h"

namespace penstock::expr {

using data::Column;
using data::DataType;
using data::Text;
using data::TypeKind;

namespace {

using CaseFunction = Text (*)(TextArena&, const Text&);  // of the two functions of one name

int32_t char_length(Text text) { return static_cast<int32_t>(char_count(text.view())); }
int32_t octet_length(Text text) { return static_cast<int32_t>(text.size()); }
int32_t bit_length(Text text) { return static_cast<int32_t>(text.size() * 8); }
int32_t ascii_code(Text text) { return static_cast<int32_t>(decode_char(first_char(text.view()))); }

Result<Text> char_of_code(TextArena& arena, int32_t code) {
  if (code == 0) return Error(Code::InvalidParameter, "null character not permitted");
  if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    return error(Code::InvalidParameter, "requested character not valid for encoding: {}", code);
  }
  return arena.commit(encode_char(static_cast<uint32_t>(code), arena.reserve(4)));
}

// Characters [from, to) counted from 0, clipped to the text.
std::string_view char_range(std::string_view text, int64_t from, int64_t to) {
  from = std::max<int64_t>(from, 0);
  if (to <= from) return {};
  text.remove_prefix(prefix_bytes(text, static_cast<size_t>(from)));
  return text.substr(0, prefix_bytes(text, static_cast<size_t>(to - from)));
}
Text substring_from(Text text, int32_t start) { return Text(char_range(text.view(), int64_t{start} - 1, INT32_MAX)); }
Result<Text> substring_of(Text text, int32_t start, int32_t length) {
  if (length < 0) return Error(Code::InvalidParameter, "negative substring length not allowed");
  const int64_t from = int64_t{start} - 1;
  return Text(char_range(text.view(), from, from + length));
}
// A negative count: all but so many at the other end.
Text left_of(Text text, int32_t n) {
  const std::string_view all = text.view();
  if (n >= 0) return Text(all.substr(0, prefix_bytes(all, static_cast<size_t>(n))));
  return Text(all.substr(0, all.size() - suffix_bytes(all, static_cast<size_t>(-int64_t{n}))));
}
Text right_of(Text text, int32_t n) {
  const std::string_view all = text.view();
  if (n >= 0) return Text(all.substr(all.size() - suffix_bytes(all, static_cast<size_t>(n))));
  return Text(all.substr(prefix_bytes(all, static_cast<size_t>(-int64_t{n}))));
}

// --- trim ---

enum class Side { Left, Right, Both };
bool contains_char(std::string_view set, std::string_view c) {
  if (c.size() == 1) return set.find(c[0]) != std::string_view::npos;
  return set.find(c) != std::string_view::npos;
}
template <Side kSide>
Text trim_chars(Text text, Text chars) {
  std::string_view rest = text.view();
  const std::string_view set = chars.view();
  while (kSide != Side::Right && !rest.empty()) {
    const std::string_view c = first_char(rest);
    if (!contains_char(set, c)) break;
    rest.remove_prefix(c.size());
  }
  while (kSide != Side::Left && !rest.empty()) {
    const std::string_view c = rest.substr(rest.size() - suffix_bytes(rest, 1));
    if (!contains_char(set, c)) break;
    rest.remove_suffix(c.size());
  }
  return Text(rest);
}
template <Side kSide>
Text trim_spaces(Text text) {
  return trim_chars<kSide>(text, Text(" "));
}

// --- longer text ---

Result<Text> repeat_text(TextArena& arena, Text text, int32_t times) {
  const size_t n = times < 0 || text.size() == 0 ? 0 : static_cast<size_t>(times);
  if (text.size() * n > arena.room()) return TextArena::too_long();
  char* const out = arena.reserve(text.size() * n);
  for (size_t i = 0; i < n; ++i) std::memcpy(out + i * text.size(), text.data(), text.size());
  return arena.commit(text.size() * n);
}

Text reverse_text(TextArena& arena, Text text) {
  char* out = arena.reserve(text.size()) + text.size();
  for (std::string_view rest = text.view(); !rest.empty();) {
    const std::string_view c = first_char(rest);
    out -= c.size();
    std::memcpy(out, c.data(), c.size());
    rest.remove_prefix(c.size());
  }
  return arena.commit(text.size());
}

template <bool kLeft>
Result<Text> pad_with(TextArena& arena, Text text, int32_t length, Text fill) {
  const size_t wanted = length < 0 ? 0 : static_cast<size_t>(length);
  const std::string_view kept = text.view().substr(0, prefix_bytes(text.view(), wanted));
  const size_t missing = fill.size() == 0 ? 0 : wanted - char_count(kept);
  if (missing == 0) return Text(kept);
  if (missing > arena.room()) return TextArena::too_long();
  const size_t fill_chars = char_count(fill.view());
  const size_t last = prefix_bytes(fill.view(), missing % fill_chars);
  const size_t padding = missing / fill_chars * fill.size() + last;
  if (padding + kept.size() > arena.room()) return TextArena::too_long();
  char* const out = arena.reserve(padding + kept.size());
  char* at = out;
  if (!kLeft) at = std::copy(kept.begin(), kept.end(), at);
  for (size_t i = 0; i < missing / fill_chars; ++i) at = std::copy_n(fill.data(), fill.size(), at);
  at = std::copy_n(fill.data(), last, at);
  if (kLeft) at = std::copy(kept.begin(), kept.end(), at);
  return arena.commit(static_cast<size_t>(at - out));
}
template <bool kLeft>
Result<Text> pad_with_spaces(TextArena& arena, Text text, int32_t length) {
  return pad_with<kLeft>(arena, text, length, Text(" "));
}

Result<Text> overlay_for(TextArena& arena, Text text, Text with, int32_t start, int32_t length) {
  if (start <= 0) return Error(Code::InvalidParameter, "negative substring length not allowed");
  const std::string_view all = text.view();
  const std::string_view before = char_range(all, 0, int64_t{start} - 1);
  const std::string_view after = char_range(all, int64_t{start} - 1 + length, INT32_MAX);
  char* const out = arena.reserve(before.size() + with.size() + after.size());
  char* at = std::copy(before.begin(), before.end(), out);
  at = std::copy_n(with.data(), with.size(), at);
  at = std::copy(after.begin(), after.end(), at);
  return arena.commit(static_cast<size_t>(at - out));
}
Result<Text> overlay_from(TextArena& arena, Text text, Text with, int32_t start) {
  return overlay_for(arena, text, with, start, char_length(with));
}

// --- concatenation ---

Result<Text> concat_two(TextArena& arena, Text a, Text b) {
  const size_t size = size_t{a.size()} + b.size();
  if (size > arena.room()) return TextArena::too_long();
  char* const out = arena.reserve(size);
  std::memcpy(out, a.data(), a.size());
  std::memcpy(out + a.size(), b.data(), b.size());
  return arena.commit(size);
}

// `||` with text on one side at least; the other side is cast to text here, as no implicit cast would.
Result<Resolution> resolve_concat_op(std::string_view name, std::span<const ArgType> args) {
  if (args.size() != 2) return undefined_function(name, args);
  const auto is_text = [](const ArgType& arg) { return arg.unknown || arg.type.kind == TypeKind::Varchar; };
  if (!is_text(args[0]) && !is_text(args[1])) return undefined_function(name, args);
  const auto type_of = [](const ArgType& arg) { return arg.unknown ? DataType(TypeKind::Varchar) : arg.type; };
  return Resolution{{type_of(args[0]), type_of(args[1])}, TypeKind::Varchar};
}
ExpressionPtr make_concat_op(DataType type, std::vector<ExpressionPtr> args) {
  for (ExpressionPtr& arg : args) {
    if (arg->type().kind == TypeKind::Varchar) continue;
    auto to_text = make_cast(arg->type(), TypeKind::Varchar).value();
    std::vector<ExpressionPtr> one;
    one.push_back(std::move(arg));
    arg = std::make_unique<CallNode>(TypeKind::Varchar, std::move(to_text), true, std::move(one), 0);
  }
  return std::make_unique<CallNode>(type, each<&concat_two>.run, true, std::move(args), 0);
}

// concat() takes anything, as it would be printed, and leaves NULLs out.
Result<Resolution> resolve_concat(std::string_view name, std::span<const ArgType> args) {
  if (args.empty()) return undefined_function(name, args);
  Resolution out{{}, TypeKind::Varchar};
  for (const ArgType& arg : args) out.arg_types.push_back(arg.unknown ? DataType(TypeKind::Varchar) : arg.type);
  return out;
}
Result<Resolution> resolve_concat_ws(std::string_view name, std::span<const ArgType> args) {
  if (args.size() < 2) return undefined_function(name, args);
  if (!args[0].unknown && args[0].type.kind != TypeKind::Varchar) return undefined_function(name, args);
  return resolve_concat(name, args);
}

// Joins the pieces that are not NULL. `separator`: null for concat().
Column join_columns(const KernelCall& call, const Column* separator, std::span<const Column> pieces) {
  if (call.rows == 0) return null_column(call.type, 0);
  std::vector<Column> texts;
  for (const Column& piece : pieces)
    texts.push_back(output_text({{&piece, 1}, piece.is_constant() ? 1 : call.rows, nullptr, TypeKind::Varchar, call.errors}));
  const auto text_at = [&](size_t k, size_t row) { return texts[k].values<Text>()[pieces[k].is_constant() ? 0 : row]; };
  auto out = data::make_values<Text>(call.rows);
  std::fill_n(out.get(), call.rows, Text());
  TextArena arena;
  FailedRows failed(call);
  for_each_row(call.rows, separator != nullptr && !separator->is_constant() ? separator->validity() : nullptr, call.active,
               [&](size_t row) {
                 const std::string_view between = separator != nullptr ? separator->value<Text>(row).view() : std::string_view();
                 size_t size = 0;
                 for (size_t k = 0; k < pieces.size(); ++k) size += pieces[k].is_null(row) ? 0 : text_at(k, row).size() + between.size();
                 if (size > arena.room()) return failed.add(row, TextArena::too_long);
                 char* const begin = arena.reserve(size);
                 char* at = begin;
                 bool first = true;
                 for (size_t k = 0; k < pieces.size(); ++k) {
                   if (pieces[k].is_null(row)) continue;
                   if (!first) at = std::copy(between.begin(), between.end(), at);
                   first = false;
                   const Text text = text_at(k, row);
                   at = std::copy_n(text.data(), text.size(), at);
                 }
                 out[row] = arena.commit(static_cast<size_t>(at - begin));
               });
  auto validity = separator != nullptr && !separator->is_constant() ? separator->shared_validity() : nullptr;
  return Column(call.type, call.rows, std::shared_ptr<const Text[]>(std::move(out)), std::move(failed).taken_from(std::move(validity)),
                arena.take_blocks());
}
Column concat_all(const KernelCall& call) { return join_columns(call, nullptr, call.args); }
Column concat_with_separator(const KernelCall& call) {
  const Column& separator = call.args[0];
  if (separator.is_constant() && separator.size() > 0 && separator.is_null(0)) return null_column(call.type, call.rows);
  return join_columns(call, &separator, call.args.subspan(1));
}

// --- digests and digits ---

Text hex_digits(TextArena& arena, std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  char* const out = arena.reserve(bytes.size() * 2);
  for (size_t i = 0; i < bytes.size(); ++i) {
    out[2 * i] = kHex[static_cast<unsigned char>(bytes[i]) >> 4];
    out[2 * i + 1] = kHex[static_cast<unsigned char>(bytes[i]) & 15];
  }
  return arena.commit(bytes.size() * 2);
}
Result<Text> md5_of(TextArena& arena, Text text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) != 1) {
    return Error(Code::NotSupported, "the cryptographic library of this machine refuses MD5");
  }
  return hex_digits(arena, {reinterpret_cast<const char*>(digest.data()), size});
}
template <typename T>
Text to_hex(TextArena& arena, T value) {
  char* const out = arena.reserve(16);
  const auto end = fmt::format_to(out, "{:x}", static_cast<std::make_unsigned_t<T>>(value));
  return arena.commit(static_cast<size_t>(end - out));
}

void register_pieces(FunctionTable& table) {
  constexpr auto kText = TypeKind::Varchar;
  constexpr auto kInt = TypeKind::Int32;
  for (const auto* const name : {"substr", "substring"}) {
    table.add(name, {kText, kInt}, kText, each<&substring_from>);
    table.add(name, {kText, kInt, kInt}, kText, each<&substring_of>);
  }
  table.add("left", {kText, kInt}, kText, each<&left_of>);
  table.add("right", {kText, kInt}, kText, each<&right_of>);
  for (const auto* const name : {"trim", "btrim"}) {
    table.add(name, {kText}, kText, each<&trim_spaces<Side::Both>>);
    table.add(name, {kText, kText}, kText, each<&trim_chars<Side::Both>>);
  }
  table.add("ltrim", {kText}, kText, each<&trim_spaces<Side::Left>>);
  table.add("ltrim", {kText, kText}, kText, each<&trim_chars<Side::Left>>);
  table.add("rtrim", {kText}, kText, each<&trim_spaces<Side::Right>>);
  table.add("rtrim", {kText, kText}, kText, each<&trim_chars<Side::Right>>);
}

void register_longer(FunctionTable& table) {
  constexpr auto kText = TypeKind::Varchar;
  constexpr auto kInt = TypeKind::Int32;
  table.add("repeat", {kText, kInt}, kText, each<&repeat_text>);
  table.add("lpad", {kText, kInt}, kText, each<&pad_with_spaces<true>>);
  table.add("lpad", {kText, kInt, kText}, kText, each<&pad_with<true>>);
  table.add("rpad", {kText, kInt}, kText, each<&pad_with_spaces<false>>);
  table.add("rpad", {kText, kInt, kText}, kText, each<&pad_with<false>>);
  table.add("overlay", {kText, kText, kInt}, kText, each<&overlay_from>);
  table.add("overlay", {kText, kText, kInt, kInt}, kText, each<&overlay_for>);
  table.add_special("concat_op", {"(varchar, any) -> varchar", resolve_concat_op, make_concat_op});
  table.add_special("concat", {"(any, ...) -> varchar", resolve_concat, make_call_node<concat_all>});
  table.add_special("concat_ws", {"(varchar, any, ...) -> varchar", resolve_concat_ws, make_call_node<concat_with_separator>});
}

}  // namespace

void register_text(FunctionTable& table) {
  constexpr auto kText = TypeKind::Varchar;
  constexpr auto kInt = TypeKind::Int32;
  table.add("lower", {kText}, kText, each<static_cast<CaseFunction>(&to_lower_case)>);
  table.add("upper", {kText}, kText, each<&to_upper_case>);
  table.add("initcap", {kText}, kText, each<&to_title_case>);
  for (const auto* const name : {"length", "char_length", "character_length"}) table.add(name, {kText}, kInt, each<&char_length>);
  table.add("octet_length", {kText}, kInt, each<&octet_length>);
  table.add("bit_length", {kText}, kInt, each<&bit_length>);
  table.add("ascii", {kText}, kInt, each<&ascii_code>);
  table.add("chr", {kInt}, kText, each<&char_of_code>);
  table.add("reverse", {kText}, kText, each<&reverse_text>);
  table.add("md5", {kText}, kText, each<&md5_of>);
  table.add("to_hex", {kInt}, kText, each<&to_hex<int32_t>>);
  table.add("to_hex", {TypeKind::Int64}, kText, each<&to_hex<int64_t>>);
  register_pieces(table);
  register_longer(table);
}

}  // namespace penstock::expr
