#include "ctl/render_await.h"

#include <gtest/gtest.h>

namespace penstock::ctl {
namespace {

pb::AwaitTreeReply stuck() {
  pb::AwaitTreeReply tree;
  auto& database = *tree.add_databases();
  database.set_database("dev");
  database.set_state("running");
  database.set_oldest_prev(100);
  database.set_oldest_curr(200);
  database.set_age_us(12'300'000);
  database.set_stage("collecting");
  database.set_actor_count(4);
  for (const uint32_t actor : {17, 21}) database.add_missing_actors(actor);
  auto& culprit = *database.add_culprits();
  culprit.set_actor_id(17);
  culprit.set_text("actor 17 (HashJoin of job q7, fragment 4, node 1): busy for 11.9 s");
  culprit.set_held(2);
  culprit.add_path("actor 21 (Materialize of job q7, fragment 5, node 1): waits for the barrier from actor 17 for 11.0 s");
  auto& node = *tree.add_nodes();
  node.set_worker_id(1);
  node.set_name("node 1");
  node.set_answered(true);
  node.set_actor_count(2);
  const auto add = [&](uint32_t id, uint32_t fragment, pb::WaitKind wait, uint64_t since, const char* waits_on, bool missing) {
    auto& actor = *node.add_actors();
    actor.set_job("q7");
    actor.set_operators(fragment == 4 ? "HashJoin" : "Materialize");
    actor.set_waits_on(waits_on);
    actor.set_missing(missing);
    actor.mutable_record()->set_actor_id(id);
    actor.mutable_record()->set_fragment_id(fragment);
    actor.mutable_record()->set_wait(wait);
    actor.mutable_record()->set_since_us(since);
  };
  add(21, 5, pb::WAIT_ALIGNMENT, 11'000'000, "barrier 100 from actor 17 (fragment 4)", true);
  add(18, 4, pb::WAIT_INPUT, 300'000, "input", false);
  add(17, 4, pb::WAIT_NOTHING, 11'900'000, "", true);
  auto& away = *tree.add_nodes();
  away.set_name("node 2");
  away.set_problem("node 2 did not answer for 2 s");
  return tree;
}

TEST(AwaitTree, names_the_culprit_first_and_marks_what_lasts) {
  EXPECT_EQ(render_await(stuck(), {}),
            "dev: running, oldest barrier 100 is 12.3 s old, collecting  <--\n"
            "  2 of 4 actors have not collected it: 17 21\n"
            "  held up by actor 17 (HashJoin of job q7, fragment 4, node 1): busy for 11.9 s; 1 others wait for it  <--\n"
            "      actor 21 (Materialize of job q7, fragment 5, node 1): waits for the barrier from actor 17 for 11.0 s\n"
            "\n"
            "node 1: 2 actors\n"
            "  job q7\n"
            "    fragment 4: HashJoin\n"
            "      actor 17: busy for 11.9 s, barrier not collected  <--\n"
            "      actor 18: waits for input for 0.3 s\n"
            "    fragment 5: Materialize\n"
            "      actor 21: waits for barrier 100 from actor 17 (fragment 4) for 11.0 s, barrier not collected  <--\n"
            "\n"
            "node 2: node 2 did not answer for 2 s  <--\n");
}

TEST(AwaitTree, lists_no_more_of_a_fragment_than_asked_for_longest_waits_first) {
  const std::string text = render_await(stuck(), {.most_actors = 1});
  EXPECT_NE(text.find("actor 17: busy"), std::string::npos);
  EXPECT_EQ(text.find("actor 18:"), std::string::npos);
  EXPECT_NE(text.find("      and 1 more that waited shorter\n"), std::string::npos) << text;
}

TEST(AwaitTree, colours_marks_on_a_terminal_only) {
  EXPECT_EQ(render_await(stuck(), {}).find('\x1b'), std::string::npos);
  EXPECT_NE(render_await(stuck(), {.colour = true}).find("\x1b[1;31m"), std::string::npos);
}

TEST(AwaitTree, says_that_nothing_is_in_flight_and_why_not) {
  pb::AwaitTreeReply tree;
  tree.add_databases()->set_database("dev");
  tree.mutable_databases(0)->set_state("blocked");
  tree.mutable_databases(0)->set_reason("waits for node 2");
  EXPECT_EQ(render_await(tree, {}), "dev: blocked, no barrier in flight: waits for node 2\n");
}

}  // namespace
}  // namespace penstock::ctl
