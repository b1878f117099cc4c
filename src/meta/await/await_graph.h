#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/epoch.h"
#include "meta/model/types.h"
#include "proto/inspect.pb.h"

namespace penstock::meta {

/// What is known at one moment of who waits for whom: what the nodes said, and the plan that says who could wait for whom.
struct AwaitWorld {
  struct Actor {
    WorkerId worker;
    FragmentId fragment;
  };
  struct Fragment {
    std::string job;
    std::string operators;  // names, root first: "Materialize <- HashAgg <- Merge"
    std::vector<FragmentId> upstreams;
    std::vector<ActorId> actors;
    std::string backfill_waits{};  // for which relations' backfills its own waits
  };
  struct Node {
    std::string name;                          // "node 2 (127.0.0.1:5688)"
    std::optional<pb::WorkerSnapshot> said{};  // nothing: it did not answer
    std::string problem{};                     // why not
  };
  struct Barrier {
    EpochPair epoch;
    int64_t age_micros = 0;
    std::string command;
    std::vector<WorkerId> waiting;  // nodes that have not answered
    bool committing = false;
  };
  struct Database {
    std::string name;
    std::string state;   // "running", "resetting", …
    std::string reason;  // of a recovery
    size_t in_flight = 0;
    std::optional<Barrier> oldest;
    bool stuck = false;
    std::set<ActorId> actors;
  };
  std::map<ActorId, Actor> actors;
  std::map<FragmentId, Fragment> fragments;
  std::map<WorkerId, Node> nodes;
  std::vector<Database> databases;
};

/// Follows who waits for whom, across nodes, from every actor that has not collected the oldest barrier of its database to the one that
/// waits for nobody: that one holds the barrier up. Where several do, the one that most others wait for comes first.
///
/// `listed`: which nodes' actors the answer lists (0: all) and which actor (0: all). Pure.
struct AwaitFilter {
  WorkerId worker;
  ActorId actor;
};
[[nodiscard]] pb::AwaitTreeReply explain(const AwaitWorld& world, AwaitFilter listed = {});

/// "dev: barrier 7 is 12.0 s old, 3 of 8 actors have not collected it; held up by actor 17 (…): busy for 11.9 s": one line a database that
/// has something to say, for the log.
[[nodiscard]] std::string summary_line(const pb::AwaitDatabase& database);

/// "HashJoin <- Project <- Merge" of "HashJoin { type: Inner, … }" and so on: names without what is in braces.
[[nodiscard]] std::string operator_name(std::string_view identity);

}  // namespace penstock::meta
