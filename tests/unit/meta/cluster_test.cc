#include "meta/cluster/cluster.h"

#include <gtest/gtest.h>

#include "meta/model/rows.h"
#include "testing/script.h"

namespace penstock::meta {
namespace {

/// Nodes a, b, …; registrations become durable at once. Time in seconds, set by `@S`.
///     register a INCARNATION ENDPOINT       answer a [INCARNATION]      heard a      closed a      tick
/// Effects: connect 1 ENDPOINT, ping 1, close 1, ready 1, lost 1.
class ClusterTest : public ::testing::Test {
 protected:
  void run(std::string_view script) {
    ::penstock::testing::run_script(script, [this](const ::penstock::testing::Words& words) { return apply(words); });
  }

  std::string apply(::penstock::testing::Words words) {
    if (words[0][0] == '@') {
      now_.mono.nanos = static_cast<int64_t>(std::stod(words[0].substr(1)) * 1e9);
      words.erase(words.begin());
    }
    Cluster::Effects effects;
    if (words[0] == "register") {
      pb::RegisterWorkerRequest request;
      request.set_node_id(words[1]);
      request.set_incarnation(std::stoull(words[2]));
      request.set_endpoint(words[3]);
      request.set_parallelism(2);
      request.set_cluster_id(words.size() > 4 ? words[4] : "");
      auto record = cluster_.check_registration(model_, "c", request);
      if (record.has_error()) return fmt::format("error {}", sqlstate(record.error().code()));
      Txn txn;
      rows::put(txn, record.value());
      rows::put_counter(txn, Counter::NextWorker, std::max<uint64_t>(model_.counter(Counter::NextWorker), record.value().worker_id() + 1));
      EXPECT_TRUE(model_.apply(txn).has_value());
      cluster_.on_registered(now_, record.value(), effects);
    } else if (words[0] == "tick") {
      cluster_.on_tick(now_, effects);
    } else {
      const WorkerId worker = id(words[1]);
      if (words[0] == "heard") cluster_.on_heard(now_, worker, attempts_.at(worker));
      if (words[0] == "closed") cluster_.on_closed(now_, worker, attempts_.at(worker), error(Code::Closed, "broken"), effects);
      if (words[0] == "answer") {
        pb::InitResponse answer;
        answer.set_node_id(words[1]);
        answer.set_incarnation(words.size() > 2 ? std::stoull(words[2]) : model_.worker(worker)->incarnation());
        cluster_.on_init_answered(now_, worker, attempts_.at(worker), answer, effects);
      }
    }
    std::string out;
    for (const auto& effect : effects) out += (out.empty() ? "" : ", ") + describe(effect);
    return out;
  }

  WorkerId id(const std::string& node) const {
    for (const auto& [id, record] : model_.workers()) {
      if (record.node_id() == node) return id;
    }
    return WorkerId{0};
  }

  std::string describe(const Cluster::Effect& effect) {
    if (const auto* e = std::get_if<Cluster::Connect>(&effect)) {
      attempts_[e->worker] = e->attempt;
      return fmt::format("connect {} {}", e->worker, e->endpoint);
    }
    if (const auto* e = std::get_if<Cluster::Ping>(&effect)) return fmt::format("ping {}", e->worker);
    if (const auto* e = std::get_if<Cluster::Close>(&effect)) return fmt::format("close {}", e->worker);
    if (const auto* e = std::get_if<Cluster::Ready>(&effect)) return fmt::format("ready {}", e->worker);
    return fmt::format("lost {}", std::get<Cluster::Lost>(effect).worker);
  }

  MetaModel model_;
  Cluster cluster_{Cluster::Options{}};
  Now now_;
  std::map<WorkerId, uint64_t> attempts_;
};

TEST_F(ClusterTest, a_node_lives_from_its_answer_to_init_until_its_stream_ends_and_is_then_tried_again) {
  run(R"(
    register a 1 h:1   => connect 1 h:1
    answer a           => ready 1
    @1 tick            => ping 1
    @1.5 closed a      => close 1, lost 1
    tick               =>
    @1.6 tick          => connect 1 h:1
    answer a           => ready 1
  )");
}

TEST_F(ClusterTest, silence_is_loss) {
  run(R"(
    register a 1 h:1   => connect 1 h:1
    answer a           => ready 1
    @5 heard a         =>
    tick               => ping 1
    @8 tick            => ping 1
    @12 tick           => ping 1
    @14.9 tick         => ping 1
    @15 tick           => close 1, lost 1
  )");
}

TEST_F(ClusterTest, nobody_is_blamed_for_silence_while_meta_itself_stood_still) {
  run(R"(
    register a 1 h:1   => connect 1 h:1
    answer a           => ready 1
    @1 tick            => ping 1
    @61 tick           => ping 1
    @62 heard a        =>
    tick               => ping 1
  )");
}

TEST_F(ClusterTest, a_node_that_never_answers_init_is_tried_again_ever_more_seldom) {
  run(R"(
    register a 1 h:1   => connect 1 h:1
    @1 closed a        => close 1
    @1.1 tick          => connect 1 h:1
    @1.2 closed a      => close 1
    @1.39 tick         =>
    @1.4 tick          => connect 1 h:1
    @11.4 tick         => close 1
  )");
}

TEST_F(ClusterTest, the_older_start_of_a_node_loses_for_good) {
  run(R"(
    register a 5 h:1   => connect 1 h:1
    answer a           => ready 1
    register a 4 h:2   => error 55000
    register a 6 h:2   => close 1, lost 1, connect 1 h:2
    register a 5 h:1   => error 55000
    answer a 5         => close 1
  )");
}

TEST_F(ClusterTest, two_processes_on_copies_of_one_folder_do_not_push_each_other_out) {
  run(R"(
    register a 5 h:1   => connect 1 h:1
    answer a           => ready 1
    register a 5 h:2   => error 55000
    closed a           => close 1, lost 1
    register a 5 h:2   => connect 1 h:2
  )");
}

TEST_F(ClusterTest, a_node_that_says_it_has_no_stream_has_two_seconds_to_be_heard) {
  run(R"(
    register a 5 h:1   => connect 1 h:1
    register a 5 h:1   =>
    answer a           => ready 1
    @0.5 register a 5 h:1 => ping 1
    @0.6 heard a       =>
    @3 tick            => ping 1
    @3.5 register a 5 h:1 => ping 1
    @5.5 tick          => close 1, lost 1
  )");
}

TEST_F(ClusterTest, a_node_keeps_its_number_and_another_cluster_s_node_is_refused) {
  run(R"(
    register a 1 h:1   => connect 1 h:1
    register b 1 h:2 c => connect 2 h:2
    register x 1 h:3 z => error 22023
    register a 2 h:9   => close 1, connect 1 h:9
  )");
}

TEST_F(ClusterTest, what_belongs_to_an_ended_connection_changes_nothing) {
  run(R"(
    register a 1 h:1   => connect 1 h:1
  )");
  const uint64_t first = attempts_.at(WorkerId{1});
  run(R"(
    closed a           => close 1
    @1 tick            => connect 1 h:1
    answer a           => ready 1
  )");
  Cluster::Effects effects;
  cluster_.on_closed(now_, WorkerId{1}, first, error(Code::Closed, "late"), effects);
  EXPECT_TRUE(effects.empty());
  EXPECT_TRUE(cluster_.is_live(WorkerId{1}));
}

}  // namespace
}  // namespace penstock::meta
