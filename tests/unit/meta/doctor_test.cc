#include "meta/service/doctor.h"

#include <gtest/gtest.h>

#include "common/version.h"

namespace penstock::meta {
namespace {

constexpr int64_t kNow = 1'700'000'000'000'000;

/// A cluster of two nodes in which nothing is wrong.
DoctorFacts healthy() {
  DoctorFacts facts{.asked_micros = kNow, .meta_micros = kNow + 5000, .caller_micros = kNow - 100};
  for (const uint32_t id : {1, 2}) {
    auto& node = facts.nodes[WorkerId{id}];
    node = {.name = fmt::format("node {}", id), .endpoint = fmt::format("10.0.0.{}:5688", id), .alive = true};
    auto& said = node.said.emplace();
    said.set_unix_micros(kNow + 2000);
    said.set_data_dir("/data");
    said.set_disk_free_bytes(100ULL << 30U);
    said.set_disk_reserve_bytes(1ULL << 30U);
    said.set_version(std::string(kVersion));
    said.set_knows_segments(true);
    for (const uint64_t sequence : {7, 8, 9}) said.add_segments(sequence);
    node.segments = {7, 9};
  }
  auto& database = *facts.tree.add_databases();
  database.set_database("dev");
  database.set_state("running");
  return facts;
}

/// "error nodes: …" of each finding that is not ok.
std::vector<std::string> complaints(const DoctorFacts& facts) {
  std::vector<std::string> out;
  const pb::DoctorReply reply = diagnose(facts);
  for (const auto& finding : reply.findings()) {
    if (finding.level() == "ok") continue;
    EXPECT_FALSE(finding.what_to_do().empty()) << finding.finding() << ": each complaint says what to do";
    out.push_back(fmt::format("{} {}: {}", finding.level(), finding.check(), finding.finding()));
  }
  return out;
}
using Texts = std::vector<std::string>;

TEST(Doctor, has_no_complaint_about_a_healthy_cluster) {
  EXPECT_EQ(complaints(healthy()), Texts{});
  EXPECT_GE(diagnose(healthy()).findings_size(), 8) << "what is well is said too";
}

TEST(Doctor, tells_a_node_that_is_away_from_one_that_does_not_answer) {
  DoctorFacts facts = healthy();
  facts.nodes[WorkerId{1}] = {.name = "node 1, away for 3.0 s: closed", .alive = false};
  facts.nodes[WorkerId{2}].said.reset();
  facts.nodes[WorkerId{2}].problem = "node 2 did not answer for 2 s";
  EXPECT_EQ(complaints(facts),
            (Texts{"error nodes: node 1, away for 3.0 s: closed", "error nodes: node 2: node 2 did not answer for 2 s"}));
}

TEST(Doctor, misses_computes_when_none_has_joined) {
  DoctorFacts facts = healthy();
  facts.nodes.clear();
  EXPECT_EQ(complaints(facts), Texts{"error nodes: no compute has ever joined"});
}

TEST(Doctor, knows_addresses_that_cannot_work) {
  DoctorFacts facts = healthy();
  facts.nodes[WorkerId{1}].endpoint = "0.0.0.0:5688";
  EXPECT_EQ(complaints(facts), Texts{"error addresses: node 1 tells others to reach it at 0.0.0.0:5688"});
  facts = healthy();
  facts.nodes[WorkerId{1}].endpoint = facts.nodes[WorkerId{2}].endpoint;
  EXPECT_EQ(complaints(facts), Texts{"error addresses: two nodes are registered at 10.0.0.2:5688"});
}

TEST(Doctor, sees_disks_fill_in_three_steps) {
  DoctorFacts facts = healthy();
  auto& said = *facts.nodes[WorkerId{1}].said;
  said.set_disk_free_bytes(1500ULL << 20U);
  ASSERT_EQ(complaints(facts), Texts{"warning disk: node 1: 1500 MB free in /data, 1024 MB are held in reserve"});
  said.set_disk_free_bytes(500ULL << 20U);
  ASSERT_EQ(complaints(facts), Texts{"error disk: node 1: 500 MB free in /data, 1024 MB are held in reserve"});
  said.set_sync_waits_for_disk(true);
  ASSERT_EQ(complaints(facts),
            Texts{"error disk: node 1: 500 MB free in /data, 1024 MB are held in reserve; a checkpoint waits for space"});
}

TEST(Doctor, sees_the_disk_of_meta_too) {
  DoctorFacts facts = healthy();
  facts.own_disk.set_level(pb::DISK_FULL);
  facts.own_disk.set_folder("/meta");
  facts.own_disk.set_reserve_bytes(16ULL << 20U);
  ASSERT_EQ(complaints(facts), Texts{"error disk: meta: 0 MB free in /meta, 16 MB are held in reserve; commits wait for space"});
}

TEST(Doctor, compares_clocks_but_for_the_time_of_asking) {
  DoctorFacts facts = healthy();
  facts.nodes[WorkerId{1}].said->set_unix_micros(kNow + 900'000);
  ASSERT_EQ(complaints(facts), Texts{});
  facts.nodes[WorkerId{1}].said->set_unix_micros(kNow + 60'005'000);
  facts.caller_micros = kNow - 3'600'000'000;
  EXPECT_EQ(complaints(facts), (Texts{"warning clock: the clock of this machine is 3599.0 s behind meta's",
                                      "warning clock: the clock of node 1 is 60.0 s ahead of meta's"}));
}

TEST(Doctor, names_segments_that_a_node_lacks) {
  DoctorFacts facts = healthy();
  facts.nodes[WorkerId{2}].segments = {7, 10, 11};
  EXPECT_EQ(complaints(facts), Texts{"error segments: node 2 lacks 2 of 3 segments that meta lists: 10 11"});
}

TEST(Doctor, tells_recoveries_stuck_barriers_and_jobs_that_caused_them) {
  DoctorFacts facts = healthy();
  facts.job_errors["q7"] = "q7, actor 3: division by zero";
  auto& database = *facts.tree.mutable_databases(0);
  database.set_state("blocked");
  database.set_reason("lost node 2; waits for node 2");
  EXPECT_EQ(complaints(facts), (Texts{"error databases: dev is blocked: lost node 2; waits for node 2",
                                      "warning jobs: q7 was the cause of a recovery: q7, actor 3: division by zero"}));
  facts.quarantined["q7"] = "it failed 5 times";
  EXPECT_EQ(complaints(facts),
            (Texts{"error databases: dev is blocked: lost node 2; waits for node 2", "error jobs: q7 is quarantined: it failed 5 times"}));
  facts.quarantined.clear();
  facts.job_errors.clear();
  database.set_state("running");
  database.set_stuck(true);
  database.set_oldest_curr(200);
  database.set_oldest_prev(100);
  database.set_age_us(12'000'000);
  database.set_stage("collecting");
  EXPECT_EQ(complaints(facts), Texts{"error barriers: dev: barrier 100 is 12.0 s old (collecting), 0 of 0 actors have not collected it"});
}

TEST(Doctor, warns_of_processes_of_different_versions) {
  DoctorFacts facts = healthy();
  facts.nodes[WorkerId{1}].said->set_version("0.0.1");
  EXPECT_EQ(complaints(facts), Texts{fmt::format("warning version: node 1 runs version 0.0.1, meta {}", kVersion)});
}

}  // namespace
}  // namespace penstock::meta
