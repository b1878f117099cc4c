#include <CLI/CLI.hpp>

#include "cmd/command.h"
#include "cmd/settings.h"
#include "common/log.h"
#include "sim/simulate.h"

namespace penstock::cmd {
namespace {

struct Options {
  uint64_t seed = 1;
  uint64_t seeds = 1;
  std::string scenario = "everything";
  uint32_t duration = 20;
  bool verbose = false;
  bool list = false;
};

void list_scenarios() {
  for (const auto& scenario : sim::scenarios()) fmt::print("{:18}{}\n", scenario.name, scenario.what);
}

bool run_seed(const sim::Scenario& scenario, uint64_t seed, const Options& options) {
  const auto result = sim::simulate(scenario, seed, std::chrono::seconds(options.duration), options.verbose);
  fmt::print(
      "{} seed {}: {}, {:.1f} s of virtual time, {} steps, {} barriers ({} of several commands), {} commits, {} terms, trace {:016x}\n",
      scenario.name, seed, result.failures.empty() ? "ok" : "FAILED", static_cast<double>(result.virtual_time.count()) / 1e9, result.steps,
      result.protocol.barriers, result.protocol.combined, result.protocol.commits, result.protocol.terms, result.trace_hash);
  if (!result.failures.empty()) {
    if (!options.verbose) {
      for (const std::string& line : result.last_lines) fmt::print("{}\n", line);
    }
    for (const std::string& failure : result.failures) fmt::print("  {}\n", failure);
    fmt::print("To see it again:\n    penstock simulate --scenario {} --seed {} --duration {} --verbose\n", scenario.name, seed,
               options.duration);
  }
  std::fflush(stdout);
  return result.failures.empty();
}

Status run(const Options& options) {
  if (options.list) {
    list_scenarios();
    return ok();
  }
  std::vector<const sim::Scenario*> chosen;
  for (const auto& scenario : sim::scenarios()) {
    if (options.scenario == "all" || options.scenario == scenario.name) chosen.push_back(&scenario);
  }
  if (chosen.empty()) {
    return error(Code::InvalidParameter, "there is no scenario \"{}\"", options.scenario).with_hint("penstock simulate --list names them.");
  }
  if (!options.verbose) log::set_level(log::Level::Error);
  uint64_t failed = 0;
  for (uint64_t seed = options.seed; seed < options.seed + options.seeds; ++seed) {
    for (const sim::Scenario* scenario : chosen) failed += run_seed(*scenario, seed, options) ? 0 : 1;
  }
  if (failed == 0) return ok();
  return error(Code::Internal, "{} of {} runs failed", failed, options.seeds * chosen.size());
}

}  // namespace

void add_simulate(CLI::App& app) {
  auto* command = app.add_subcommand("simulate", "A whole cluster under faults in one process, decided by one seed");
  const auto options = std::make_shared<Options>();
  const auto settings = std::make_shared<Settings>(*command, "simulate");
  settings->add("seed", options->seed, "The first seed");
  settings->add("seeds", options->seeds, "How many seeds to run, one after another");
  settings->add("scenario", options->scenario, "What to run; all: one after another");
  settings->add("duration", options->duration, "Seconds of virtual time for which things go wrong");
  settings->add("verbose", options->verbose, "Print what happens, and the nodes' own logs");
  settings->add("list", options->list, "Only name the scenarios");
  command->callback([=] {
    Status loaded = settings->load();
    finish(loaded.has_error() ? loaded : run(*options));
  });
}

}  // namespace penstock::cmd
