#pragma once

#include <gtest/gtest.h>

#include "unit/stream/task/node.h"

namespace penstock::stream::testing {

/// How many times each row of a source comes by at a fragment, by way of all paths.
using Paths = std::map<uint32_t, std::map<uint32_t, uint64_t>>;  // fragment -> source -> times

struct RandomGraph {
  Topology plan{kGraph};
  Paths paths;

  /// Actors are on any of `workers` nodes.
  RandomGraph(runtime::Runtime& random, uint32_t workers) {
    const auto draw = [&](uint64_t below) { return random.random() % below; };
    uint32_t actor = 100;
    const auto actors = [&](uint64_t count) {
      std::vector<uint32_t> ids(count);
      for (uint32_t& id : ids) id = actor++;
      return ids;
    };
    const auto somewhere = [&](uint64_t count) {
      std::vector<uint32_t> places(count);
      for (uint32_t& place : places) place = static_cast<uint32_t>(1 + draw(workers));
      return places;
    };
    const uint32_t fragments = static_cast<uint32_t>(2 + draw(5));
    uint32_t link = 1;
    for (uint32_t id = 1; id <= fragments; ++id) {
      const bool source = id == 1 || draw(3) == 0;
      const uint64_t parallelism = 1 + draw(4);
      if (source) {
        plan.fragment(id, "source", actors(parallelism), somewhere(parallelism));
        paths[id][id] = 1;
        continue;
      }
      const uint32_t inputs = static_cast<uint32_t>(1 + draw(3));
      std::string merges;
      for (uint32_t i = 0; i < inputs; ++i) {
        const auto upstream = static_cast<uint32_t>(1 + draw(id - 1));
        merges += fmt::format("{}merge:{}", i > 0 ? "," : "", link);
        const bool broadcast = draw(4) == 0;
        plan.edge(upstream, id, link++, broadcast ? pb::DISPATCH_BROADCAST : pb::DISPATCH_HASH);
        for (const auto& [from, times] : paths[upstream]) paths[id][from] += times * (broadcast ? parallelism : 1);
      }
      static constexpr const char* kKinds[] = {"pass({})", "hold({})", "ask({})", "hold(ask({}))"};
      plan.fragment(id, "record(" + fmt::format(fmt::runtime(kKinds[draw(4)]), merges) + ")", actors(parallelism), somewhere(parallelism));
    }
  }

  /// Every fragment has seen, in each epoch up to `last`, exactly the rows that its sources emitted, as often as there are paths. Returns
  /// the rows seen.
  uint64_t check(Playground& world, uint64_t last) const {
    const MutexLock lock(world.mutex);
    uint64_t rows = 0;
    for (const auto& [fragment, sources] : paths) {
      if (sources.contains(fragment)) continue;
      for (uint64_t epoch = 2; epoch <= last; ++epoch) {
        Playground::Tally expected;
        for (const auto& [source, times] : sources) {
          const auto emitted = world.emitted[{source, epoch}];
          expected.rows += static_cast<int64_t>(times) * emitted.rows;
          expected.sum += times * emitted.sum;
        }
        const auto recorded = world.recorded[{fragment, epoch}];
        EXPECT_EQ(recorded.rows, expected.rows) << "fragment " << fragment << " epoch " << epoch;
        EXPECT_EQ(recorded.sum, expected.sum) << "fragment " << fragment << " epoch " << epoch;
        rows += static_cast<uint64_t>(recorded.rows);
      }
    }
    return rows;
  }
};

}  // namespace penstock::stream::testing
