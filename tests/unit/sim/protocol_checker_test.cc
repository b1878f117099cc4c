#include "sim/protocol_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/control_stream.pb.h"

namespace penstock::sim {
namespace {

// What meta and nodes say, as one letter a message: what the checker finds.
class Talk {
 public:
  Talk& create(const std::string& node, uint64_t term, uint64_t committed) {
    pb::ControlRequest request;
    auto& create = *request.mutable_create_partial_graph();
    set(*create.mutable_graph(), term);
    create.set_committed_epoch(committed);
    checker_.on_request(node, request);
    return *this;
  }
  Talk& inject(const std::string& node, uint64_t term, uint64_t prev, uint64_t curr, pb::BarrierKind kind = pb::BARRIER_CHECKPOINT) {
    pb::ControlRequest request;
    auto& inject = *request.mutable_inject_barrier();
    set(*inject.mutable_graph(), term);
    inject.mutable_barrier()->mutable_epoch()->set_prev(prev);
    inject.mutable_barrier()->mutable_epoch()->set_curr(curr);
    inject.mutable_barrier()->set_kind(kind);
    checker_.on_request(node, request);
    return *this;
  }
  Talk& complete(const std::string& node, uint64_t term, uint64_t prev) {
    pb::ControlResponse response;
    set(*response.mutable_barrier_complete()->mutable_graph(), term);
    response.mutable_barrier_complete()->set_epoch(prev);
    checker_.on_response(node, response);
    return *this;
  }
  Talk& commit(const std::string& node, uint64_t term, uint64_t epoch) {
    pb::ControlRequest request;
    set(*request.mutable_commit_epoch()->mutable_graph(), term);
    request.mutable_commit_epoch()->set_epoch(epoch);
    checker_.on_request(node, request);
    return *this;
  }
  const std::vector<std::string>& found() const { return found_; }

 private:
  static void set(pb::GraphId& graph, uint64_t term) {
    graph.set_id(1);
    graph.set_term(term);
  }
  std::vector<std::string> found_;
  ProtocolChecker checker_{[this](const std::string& what) { found_.push_back(what); }};
};

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ProtocolChecker, finds_nothing_wrong_with_a_good_run) {
  Talk talk;
  talk.create("a", 7, 10).create("b", 7, 10);
  talk.inject("a", 7, 10, 20, pb::BARRIER_INITIAL).inject("b", 7, 10, 20, pb::BARRIER_INITIAL);
  talk.complete("a", 7, 10).complete("b", 7, 10).inject("a", 7, 20, 30).inject("b", 7, 20, 30);
  talk.complete("b", 7, 20).complete("a", 7, 20).commit("a", 7, 20).commit("b", 7, 20);
  talk.create("a", 8, 20).inject("a", 8, 20, 40);
  EXPECT_THAT(talk.found(), IsEmpty());
}

TEST(ProtocolChecker, finds_a_commit_before_every_node_has_completed) {
  Talk talk;
  talk.create("a", 7, 10).create("b", 7, 10).inject("a", 7, 10, 20).inject("b", 7, 10, 20);
  talk.inject("a", 7, 20, 30).inject("b", 7, 20, 30).complete("a", 7, 10).complete("b", 7, 10).complete("a", 7, 20);
  talk.commit("a", 7, 20);
  EXPECT_THAT(talk.found(), ElementsAre(HasSubstr("commits before b has completed it")));
}

TEST(ProtocolChecker, finds_a_break_of_the_chain) {
  Talk talk;
  talk.create("a", 7, 10).inject("a", 7, 10, 20).inject("a", 7, 25, 30);
  EXPECT_THAT(talk.found(), ElementsAre(HasSubstr("does not continue the chain")));
}

TEST(ProtocolChecker, finds_a_graph_that_begins_before_what_was_committed) {
  Talk talk;
  talk.create("a", 7, 10).inject("a", 7, 10, 20).inject("a", 7, 20, 30).complete("a", 7, 10).complete("a", 7, 20).commit("a", 7, 20);
  talk.create("a", 8, 10);
  EXPECT_THAT(talk.found(), ElementsAre(HasSubstr("begins term 8 at epoch 10, but 20 was committed")));
}

TEST(ProtocolChecker, finds_an_answer_to_what_was_never_asked) {
  Talk talk;
  talk.create("a", 7, 10).inject("a", 7, 10, 20).complete("a", 7, 20).complete("b", 7, 10).complete("a", 6, 10);
  EXPECT_THAT(talk.found(),
              ElementsAre(HasSubstr("which it was not given"), HasSubstr("which it was not given"), HasSubstr("never created")));
}

TEST(ProtocolChecker, a_node_that_joins_begins_with_an_initial_of_its_own_to_where_the_chain_ends) {
  Talk talk;
  talk.create("a", 7, 10).inject("a", 7, 10, 20, pb::BARRIER_INITIAL).complete("a", 7, 10).inject("a", 7, 20, 30);
  talk.create("b", 7, 10).inject("b", 7, 10, 30, pb::BARRIER_INITIAL).inject("a", 7, 30, 40).inject("b", 7, 30, 40);
  talk.complete("b", 7, 10).complete("a", 7, 20).commit("a", 7, 20).complete("a", 7, 30).complete("b", 7, 30).commit("a", 7, 30);
  EXPECT_THAT(talk.found(), IsEmpty());
}

TEST(ProtocolChecker, finds_a_node_that_joins_elsewhere_than_at_the_end_of_the_chain) {
  Talk talk;
  talk.create("a", 7, 10).inject("a", 7, 10, 20, pb::BARRIER_INITIAL).complete("a", 7, 10).inject("a", 7, 20, 30);
  talk.create("b", 7, 10).inject("b", 7, 10, 25, pb::BARRIER_INITIAL).inject("b", 7, 10, 30, pb::BARRIER_INITIAL);
  EXPECT_THAT(talk.found(), ElementsAre(HasSubstr("b joins at 25, the chain ends at 30"), HasSubstr("b gets a second Initial")));
}

TEST(ProtocolChecker, finds_a_commit_that_a_node_which_joined_has_not_completed) {
  Talk talk;
  talk.create("a", 7, 10).inject("a", 7, 10, 20, pb::BARRIER_INITIAL).complete("a", 7, 10);
  talk.create("b", 7, 10).inject("b", 7, 10, 20, pb::BARRIER_INITIAL).inject("a", 7, 20, 30).inject("b", 7, 20, 30);
  talk.complete("b", 7, 10).complete("a", 7, 20).commit("a", 7, 20);
  EXPECT_THAT(talk.found(), ElementsAre(HasSubstr("commits before b has completed it")));
}

TEST(ProtocolChecker, finds_a_commit_of_a_barrier_that_was_no_checkpoint) {
  Talk talk;
  talk.create("a", 7, 10).inject("a", 7, 10, 20).inject("a", 7, 20, 30, pb::BARRIER_BARRIER).complete("a", 7, 10).complete("a", 7, 20);
  talk.commit("a", 7, 20);
  EXPECT_THAT(talk.found(), ElementsAre(HasSubstr("was no checkpoint")));
}

}  // namespace
}  // namespace penstock::sim
