#include "sim/simulate.h"

namespace penstock::sim {

RunResult simulate(const Scenario& scenario, uint64_t seed, runtime::Duration duration, bool print) {
  RunResult result;
  runtime::SimRuntime sim(seed);
  Journal journal(sim, print);
  {
    Cluster::Options options = scenario.cluster;
    options.seed = seed;
    Cluster cluster(options, journal, sim);
    World world(cluster, duration, runtime::SplitMix::mix(seed));
    scenario.run(world);
    result.protocol = cluster.checker().counts();
    result.virtual_time = sim.now() - runtime::TimePoint{};
    sim.stop();  // clients that still wait end here, while there is a frontend
  }
  result.trace_hash = sim.trace_hash();
  result.steps = sim.steps();
  result.failures = journal.failures();
  result.last_lines = journal.last_lines();
  return result;
}

}  // namespace penstock::sim
