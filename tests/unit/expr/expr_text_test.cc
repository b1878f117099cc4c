// The reader of expression texts and the runner of their tables, which the other tests of this folder use.
#include "unit/expr/expr_text.h"

#include <cctype>

namespace penstock::expr::testing {

using data::Column;
using data::DataChunk;
using data::DataType;
using data::Datum;
using data::TypeKind;

namespace {

class Parser {
 public:
  Parser(std::string_view text, const std::vector<DataType>& columns) : text_(text), columns_(columns) {}

  Result<pb::Expr> parse_all() {
    PENSTOCK_TRY(auto expr, parse_expr());
    skip();
    if (at_ != text_.size()) return syntax();
    return expr;
  }

 private:
  Result<pb::Expr> parse_expr() {
    PENSTOCK_TRY(auto expr, parse_primary());
    for (skip(); text_.substr(at_).starts_with("::"); skip()) {
      at_ += 2;
      const size_t begin = at_;
      while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_')) ++at_;
      if (at_ < text_.size() && text_[at_] == '(') at_ = text_.find(')', at_) + 1;
      PENSTOCK_TRY(const DataType to, data::type_of_name(text_.substr(begin, at_ - begin)));
      PENSTOCK_TRY(expr, make_cast(std::move(expr), to, CastKind::Explicit));
    }
    return expr;
  }

  Result<pb::Expr> parse_primary() {
    skip();
    if (at_ == text_.size()) return syntax();
    const char c = text_[at_];
    if (c == '\'') return parse_text();
    if (c == '$') {
      ++at_;
      const auto column = static_cast<uint32_t>(std::stoul(std::string(take_while([](char d) { return std::isdigit(d) != 0; }))));
      return make_input(column, columns_.at(column));
    }
    if (std::isdigit(c) != 0 || c == '-') return parse_number();
    const std::string name(take_while([](char d) { return std::isalnum(d) != 0 || d == '_'; }));
    if (name == "null") return make_unknown_null();
    if (name == "true" || name == "false") return make_literal(name == "true", TypeKind::Boolean);
    if (name.empty() || at_ == text_.size() || text_[at_] != '(') return syntax();
    return parse_call(name);
  }

  Result<pb::Expr> parse_call(const std::string& name) {
    std::vector<pb::Expr> args;
    ++at_;
    skip();
    while (at_ < text_.size() && text_[at_] != ')') {
      PENSTOCK_TRY(auto arg, parse_expr());
      args.push_back(std::move(arg));
      skip();
      if (at_ < text_.size() && text_[at_] == ',') ++at_;
    }
    ++at_;
    return make_call(name, std::move(args));
  }

  Result<pb::Expr> parse_text() {
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\'') {
        if (at_ + 1 < text_.size() && text_[at_ + 1] == '\'') {
          ++at_;
        } else {
          ++at_;
          return make_unknown(out);
        }
      }
      out += text_[at_];
    }
    return syntax();
  }

  Result<pb::Expr> parse_number() {
    std::string digits;
    if (text_[at_] == '-') digits += text_[at_++];
    digits += take_while([](char d) { return std::isdigit(d) != 0 || d == '.' || d == 'e'; });
    for (const TypeKind kind : {TypeKind::Int32, TypeKind::Int64, TypeKind::Numeric}) {
      auto value = data::from_text(digits, kind);
      if (value.has_value()) return make_literal(value.value(), kind);
    }
    return syntax();
  }

  template <typename F>
  std::string_view take_while(F&& f) {
    const size_t begin = at_;
    while (at_ < text_.size() && f(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  Error syntax() const { return error(Code::Syntax, "test expression: at {} of {}", at_, text_); }

  std::string_view text_;
  const std::vector<DataType>& columns_;
  size_t at_ = 0;
};

std::string describe(const Error& e) { return fmt::format("error {} {}", sqlstate(e.code()), e.message()); }
std::string describe(const Datum& value, DataType type) { return data::is_null(value) ? "NULL" : data::to_text(value, type); }

// The literals of a tree, in order, each made a column.
struct Lifted {
  pb::Expr expr;
  std::vector<DataType> types;
  std::vector<Datum> values;
};
void lift(pb::Expr& node, Lifted& out) {
  if (node.has_literal()) {
    const pb::Expr settled = settle(node);
    const DataType type = arg_type_of(settled).type;
    out.types.push_back(type);
    out.values.push_back(evaluate_constant(settled).value());
    node = make_input(static_cast<uint32_t>(out.types.size() - 1), type);
    return;
  }
  if (!node.has_call()) return;
  for (pb::Expr& arg : *node.mutable_call()->mutable_args()) lift(arg, out);
}

constexpr size_t kRows = 70;  // more than a word of a bitmap
// Every third row is inactive; of the others each fifth has NULLs, if there are NULLs.
bool is_active(size_t row) { return row % 3 != 1; }
bool has_null(size_t row) { return row % 5 == 2; }

struct Way {
  uint32_t constants;  // bit i: column i is constant
  bool nulls;
  bool inactive;
};

Column column_of(DataType type, const Datum& value, bool constant, bool nulls) {
  if (constant) return Column::constant(type, value, kRows);
  data::AnyColumnBuilder builder(type, kRows);
  for (size_t row = 0; row < kRows; ++row) {
    if (nulls && has_null(row)) {
      builder.append_null();
    } else {
      builder.append(value);
    }
  }
  return builder.finish();
}

void check_way(const Lifted& lifted, const Way& way, const std::string& expected) {
  auto built = build(lifted.expr, lifted.types);
  if (built.has_error()) {
    EXPECT_EQ(describe(built.error()), expected);
    return;
  }
  std::vector<Column> columns;
  for (size_t i = 0; i < lifted.types.size(); ++i) {
    columns.push_back(column_of(lifted.types[i], lifted.values[i], (way.constants >> i & 1) != 0, way.nulls));
  }
  data::Bitmap active(kRows, true);
  for (size_t row = 0; row < kRows; ++row) active.set(row, !way.inactive || is_active(row));
  RowErrors errors;
  const Column out = built.value()->evaluate(DataChunk(columns, kRows), way.inactive ? &active : nullptr, errors);
  ASSERT_EQ(out.size(), kRows);
  ASSERT_EQ(out.type().kind, built.value()->type().kind);
  size_t failing = 0;
  for (size_t row = 0; row < kRows; ++row) {
    if (!active.get(row)) continue;
    if (way.nulls && has_null(row)) continue;
    ++failing;
    const std::string got = describe(out.datum(row), out.type());
    ASSERT_EQ(got, expected.starts_with("error ") ? "NULL" : expected) << "row " << row;
  }
  if (expected.starts_with("error ")) {
    ASSERT_TRUE(errors.first.has_value());
    EXPECT_EQ(describe(*errors.first), expected);
    if (!way.nulls) {
      EXPECT_EQ(errors.count, failing);
    }
    active.flip();
    RowErrors none;
    const data::Bitmap nobody(kRows, false);
    (void)built.value()->evaluate(DataChunk(columns, kRows), &nobody, none);
    EXPECT_EQ(none.count, 0U) << "an inactive row failed";
  } else if (!way.nulls) {  // a NULL may lead elsewhere
    EXPECT_EQ(errors.count, 0U) << errors.first->to_string();
  }
}

int failures() { return ::testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count(); }

void check_line(std::string_view text, const std::string& expected) {
  const int before = failures();
  auto parsed = parse(text);
  if (parsed.has_error()) {
    EXPECT_EQ(describe(parsed.error()), expected);
    return;
  }
  auto folded = evaluate_constant(settle(parsed.value()));
  EXPECT_EQ(folded.has_value() ? describe(folded.value(), arg_type_of(parsed.value()).type) : describe(folded.error()), expected);
  Lifted lifted{parsed.value(), {}, {}};
  lift(lifted.expr, lifted);
  if (lifted.types.empty()) return;
  const uint32_t all = (1U << lifted.types.size()) - 1;
  for (const uint32_t constants : {0U, all, 1U, all & ~1U, 2U, all & 0x5U}) {
    for (const bool nulls : {false, true}) {
      for (const bool inactive : {false, true}) {
        if (failures() > before) return;  // one report a line is enough
        SCOPED_TRACE(fmt::format("constant columns {:b} of {}, {}nulls, {}inactive", constants & all, lifted.types.size(),
                                 nulls ? "" : "no ", inactive ? "" : "none "));
        check_way(lifted, {constants & all, nulls, inactive}, expected);
      }
    }
  }
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

Result<pb::Expr> parse(std::string_view text, const std::vector<DataType>& columns) { return Parser(text, columns).parse_all(); }

void run_table(std::string_view table) {
  while (!table.empty()) {
    const size_t end = std::min(table.find('\n'), table.size());
    const std::string_view line = trim(table.substr(0, end));
    table.remove_prefix(std::min(end + 1, table.size()));
    if (line.empty() || line.starts_with("--")) continue;
    const size_t arrow = line.rfind("=>");
    ASSERT_NE(arrow, std::string_view::npos) << line;
    SCOPED_TRACE(std::string(line));
    std::string expected(trim(line.substr(arrow + 2)));
    if (expected.size() >= 2 && expected.front() == '"' && expected.back() == '"') expected = expected.substr(1, expected.size() - 2);
    check_line(trim(line.substr(0, arrow)), expected);
  }
}

std::vector<std::string> evaluate_texts(const Expression& expression, const DataChunk& chunk, const data::Bitmap* active,
                                        RowErrors* errors) {
  RowErrors own;
  const Column column = expression.evaluate(chunk, active, errors != nullptr ? *errors : own);
  std::vector<std::string> out;
  for (size_t row = 0; row < column.size(); ++row) out.push_back(describe(column.datum(row), column.type()));
  return out;
}

TEST(ExprText, reads_calls_literals_and_casts) {
  run_table(R"(
    add(1, multiply(2, 3))          => 7
    'it''s'                         => it's
    '12'::int8                      => 12
    -1.50                           => -1.50
    1.005::numeric(10,2)            => 1.01
    null                            => NULL
  )");
  EXPECT_TRUE(parse("add(1,").has_error());
  EXPECT_TRUE(parse("add(1, 2) 3").has_error());
}

}  // namespace penstock::expr::testing
