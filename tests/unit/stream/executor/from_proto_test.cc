// Plans that make no sense are refused with a reason.
#include <gtest/gtest.h>

#include "testing/plan_nodes.h"

namespace penstock::stream {
namespace {

using namespace penstock::testing;  // NOLINT(google-build-using-namespace): the language of operator tests

class FromProtoTest : public ::testing::Test {
 protected:
  std::string refused(const pb::StreamNode& plan) {
    auto tree = build_operator_tree(plan, node_.context());
    return tree.has_error() ? fmt::format("{}: {}", code_name(tree.error().code()), tree.error().message()) : "built";
  }

  OperatorNode node_;
};

TEST_F(FromProtoTest, lists_operators_inputs_first_with_global_numbers) {
  const pb::StreamNode plan = hash_join({.left = types("I64 T"),
                                         .right = types("I64 T"),
                                         .left_key = {0},
                                         .right_key = {0},
                                         .left_stream_key = {1},
                                         .right_stream_key = {1}});
  const auto tree = must(build_operator_tree(plan, node_.context()));
  ASSERT_EQ(tree.nodes.size(), 3U);
  EXPECT_EQ(tree.nodes[0].op, nullptr);
  EXPECT_EQ(tree.nodes[0].link, 1010U);
  EXPECT_EQ(tree.nodes[0].parent, 2U);
  EXPECT_EQ(tree.nodes[1].port, 1U);
  EXPECT_EQ(tree.nodes[2].parent, OperatorTree::kNoParent);
  const auto names = operator_names(plan);
  ASSERT_EQ(names.size(), tree.nodes.size());
  EXPECT_EQ(names[2], "under test");
  EXPECT_EQ(tree.output_types.size(), 4U);
}

TEST_F(FromProtoTest, refuses_a_node_of_unknown_kind) { EXPECT_EQ(refused(pb::StreamNode()), "Protocol: a plan node of unknown kind"); }

TEST_F(FromProtoTest, refuses_missing_inputs) {
  pb::StreamNode plan = node_over({});
  plan.mutable_filter();
  EXPECT_EQ(refused(plan), "Protocol: 0 inputs, but 1 are needed");
}

TEST_F(FromProtoTest, refuses_output_that_is_not_what_the_operator_makes) {
  pb::StreamNode plan = node_over({types("I64")});
  *plan.mutable_project()->add_exprs() = column(0, data::TypeKind::Int64);
  add_fields(*plan.mutable_fields(), types("T"));
  EXPECT_EQ(refused(plan), "Protocol: the plan says 1 columns, the operator makes 1, or of other types");
}

TEST_F(FromProtoTest, refuses_columns_out_of_range) {
  pb::StreamNode plan = hash_agg(types("I64"), {0}, {{"count", {}}});
  plan.mutable_hash_agg()->set_group_key(0, 9);
  EXPECT_EQ(refused(plan), "Protocol: group key: column 9 of an input of 1");
}

TEST_F(FromProtoTest, refuses_a_row_count_that_is_not_count_of_all) {
  pb::StreamNode plan = hash_agg(types("I64 I64"), {0}, {{"count", {1}}});
  EXPECT_EQ(refused(plan), "Protocol: row count: call 0 is not count(*) over all rows");
}

TEST_F(FromProtoTest, refuses_a_table_whose_columns_are_others) {
  pb::StreamNode plan = hash_agg(types("I64"), {0}, {{"count", {}}});
  plan.mutable_hash_agg()->mutable_group_table()->mutable_columns()->RemoveLast();
  EXPECT_EQ(refused(plan), "Protocol: table groups: its 1 columns are not those of the operator, 2");
}

TEST_F(FromProtoTest, refuses_a_table_whose_added_columns_are_not_the_last) {
  pb::StreamNode plan = hash_agg(types("I64"), {0}, {{"count", {}}});
  plan.mutable_hash_agg()->mutable_group_table()->mutable_columns(0)->mutable_added()->set_is_null(true);
  EXPECT_TRUE(refused(plan).starts_with("Protocol: table groups: column ")) << refused(plan);
}

TEST_F(FromProtoTest, refuses_a_join_whose_keys_have_different_types) {
  EXPECT_EQ(refused(hash_join({.left = types("I64"), .right = types("I32"), .left_key = {0}, .right_key = {0}})),
            "Protocol: join keys of different types");
}

TEST_F(FromProtoTest, refuses_a_sink_it_does_not_know) {
  pb::StreamNode plan = node_over({types("I64")});
  (*plan.mutable_sink()->mutable_properties())["connector"] = "kafka";
  EXPECT_EQ(refused(plan), "NotSupported: sink connector 'kafka' is not supported");
}

}  // namespace
}  // namespace penstock::stream
