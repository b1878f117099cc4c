#include "expr/build_helpers.h"
#include "proto/expr.pb.h"
#include "unit/batch/batch_text.h"

namespace penstock::batch::testing {
namespace {

using data::DataType;
using data::TypeKind;

const std::vector<DataType> kSide = {TypeKind::Int32, TypeKind::Varchar};
constexpr std::string_view kLeft = "1 a\n2 b\n. n\n2 c\n9 z";
constexpr std::string_view kRight = "2 x\n2 y\n1 w\n. m\n7 v";

JoinSpec spec_of(JoinKind kind) {
  JoinSpec spec;
  spec.kind = kind;
  spec.keys = {{0, 0}};
  spec.output = {1, 3};
  spec.left_types = kSide;
  spec.right_types = kSide;
  return spec;
}

// The text columns differ from what is given.
expr::ExpressionPtr right_text_is_not(std::string_view text) {
  std::vector<pb::Expr> args;
  args.push_back(expr::make_input(3, TypeKind::Varchar));
  args.push_back(expr::make_literal(std::string(text), TypeKind::Varchar));
  const std::vector<DataType> both = {kSide[0], kSide[1], kSide[0], kSide[1]};
  return expr::build(expr::make_call("not_equal", std::move(args)).value(), both).value();
}

std::string join(JoinSpec spec, std::string_view left = kLeft, std::string_view right = kRight) {
  return text_of(*make_join(rows_of(left, kSide), rows_of(right, kSide), std::move(spec)));
}

TEST(Join, pairs_equal_keys_and_null_equals_nothing) { EXPECT_EQ(join(spec_of(JoinKind::Inner)), "a w | b x | b y | c x | c y"); }

TEST(Join, keeps_the_rows_of_the_outer_side_that_found_nobody) {
  EXPECT_EQ(join(spec_of(JoinKind::Left)), "a w | b x | b y | c x | c y | n . | z .");
  EXPECT_EQ(join(spec_of(JoinKind::Right)), "a w | b x | b y | c x | c y | . m | . v");
  EXPECT_EQ(join(spec_of(JoinKind::Full)), "a w | b x | b y | c x | c y | n . | z . | . m | . v");
}

TEST(Join, counts_a_row_as_matched_only_where_the_condition_holds_too) {
  JoinSpec left = spec_of(JoinKind::Left);
  left.condition = right_text_is_not("w");
  EXPECT_EQ(join(std::move(left)), "b x | b y | a . | c x | c y | n . | z .");
  JoinSpec right = spec_of(JoinKind::Right);
  right.condition = right_text_is_not("w");
  EXPECT_EQ(join(std::move(right)), "b x | b y | c x | c y | . w | . m | . v");
}

TEST(Join, without_keys_pairs_all_with_all) {
  JoinSpec cross = spec_of(JoinKind::Inner);
  cross.keys.clear();
  EXPECT_EQ(join(std::move(cross), "1 a\n. b", ". x\n2 y"), "a x | a y | b x | b y");
}

TEST(Join, gives_the_pairs_of_one_key_in_pieces_however_many_there_are) {
  std::string many;
  for (int i = 0; i < 300; ++i) many += fmt::format("1 r{}\n", i);
  JoinSpec spec = spec_of(JoinKind::Left);
  const auto joined = make_join(rows_of(many + "2 alone", kSide, 1000), rows_of(many, kSide, 1000), std::move(spec));
  size_t rows = 0;
  size_t alone = 0;
  for (;;) {
    const auto chunk = joined->next().value();
    if (!chunk) break;
    EXPECT_LE(chunk->rows(), 20'000U);
    rows += chunk->rows();
    for (size_t row = 0; row < chunk->rows(); ++row) alone += chunk->column(1).is_null(row) ? 1 : 0;
  }
  EXPECT_EQ(rows, 300U * 300 + 1);
  EXPECT_EQ(alone, 1U);
}

TEST(Join, is_asked_before_each_piece_whether_to_go_on) {
  int asked = 0;
  const auto watched = make_watched(rows_of(kLeft, kSide), [&](const data::DataChunk* rows) -> Status {
    if (rows != nullptr) return ok();
    return ++asked < 3 ? ok() : Status(error(Code::Cancelled, "enough"));
  });
  EXPECT_TRUE(watched->next().has_value());
  EXPECT_TRUE(watched->next().has_value());
  EXPECT_EQ(watched->next().error().code(), Code::Cancelled);
}

TEST(Join, with_an_empty_side) {
  EXPECT_EQ(join(spec_of(JoinKind::Inner), "", kRight), "");
  EXPECT_EQ(join(spec_of(JoinKind::Inner), kLeft, ""), "");
  EXPECT_EQ(join(spec_of(JoinKind::Left), "1 a", ""), "a .");
  EXPECT_EQ(join(spec_of(JoinKind::Full), "", "1 w"), ". w");
}

}  // namespace
}  // namespace penstock::batch::testing
