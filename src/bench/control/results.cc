#include "bench/control/results.h"

#include <algorithm>
#include <cmath>

namespace penstock::bench {
namespace {

Status add_operation(const pb::BenchOperation& operation, OperationFigures& figures) {
  figures.count += operation.count();
  figures.errors += operation.errors();
  figures.bytes += operation.bytes();
  if (operation.histogram().empty()) return ok();  // left out
  PENSTOCK_TRY(const Histogram latency, Histogram::decode(operation.histogram()));
  PENSTOCK_TRY(figures.latency.merge(latency));
  if (operation.corrected().empty()) return ok();
  PENSTOCK_TRY(const Histogram corrected, Histogram::decode(operation.corrected()));
  return figures.corrected.merge(corrected);
}

Result<AgentFigures> agent_figures(const pb::BenchArrived& arrived) {
  AgentFigures agent{.agent = arrived.agent(), .summary = arrived.summary()};
  agent.seconds = static_cast<double>(arrived.summary().elapsed_nanos()) / 1e9;
  for (const pb::BenchOperation& operation : arrived.summary().operations()) {
    PENSTOCK_TRY(add_operation(operation, agent.operations[operation.name()]));
  }
  return agent;
}

AgentFigures* find_agent(StageFigures& stage, uint32_t agent) {
  const auto found = std::ranges::find(stage.agents, agent, &AgentFigures::agent);
  return found == stage.agents.end() ? nullptr : &*found;
}

AgentFigures& agent_of(StageFigures& stage, uint32_t agent) {
  if (AgentFigures* found = find_agent(stage, agent)) return *found;
  return stage.agents.emplace_back(AgentFigures{.agent = agent});
}

// Counted are those that the release counted, and those it let follow behind, once they have arrived.
void take_release(StageFigures& stage, const pb::BenchReleased& released) {
  stage.released = !released.skipped();
  if (released.skipped()) stage.skipped = released.reason();
  for (const uint32_t agent : released.counted()) agent_of(stage, agent).counted = true;
  for (const pb::BenchWait& wait : released.waits()) agent_of(stage, wait.agent()).waited = static_cast<double>(wait.nanos()) / 1e9;
  for (const uint32_t agent : released.out_of_step()) agent_of(stage, agent).remark = "out of step";
  for (const pb::BenchNamed& named : released.excluded()) agent_of(stage, named.agent()).remark = "excluded: " + named.reason();
}

uint32_t width_of(const pb::BenchSummary& summary) { return std::max(1U, summary.second_width()); }

// An entry that spans less than the stage's goes whole into the one in which it begins.
void add_timeline(StageFigures& stage, const pb::BenchSummary& summary) {
  for (int i = 0; i < summary.seconds_size(); ++i) {
    const size_t at = static_cast<size_t>(i) * width_of(summary) / stage.timeline_width;
    if (stage.timeline.size() <= at) stage.timeline.resize(at + 1);
    stage.timeline[at].set_operations(stage.timeline[at].operations() + summary.seconds(i).operations());
    stage.timeline[at].set_bytes(stage.timeline[at].bytes() + summary.seconds(i).bytes());
  }
}

Status merge_stage(StageFigures& stage) {
  std::ranges::sort(stage.agents, {}, &AgentFigures::agent);
  for (const AgentFigures& agent : stage.agents) {
    if (agent.counted) stage.timeline_width = std::max(stage.timeline_width, width_of(agent.summary));
  }
  for (const AgentFigures& agent : stage.agents) {
    if (!agent.counted) continue;
    stage.seconds = std::max(stage.seconds, agent.seconds);
    for (const auto& [name, figures] : agent.operations) {
      OperationFigures& all = stage.merged[name];
      all.count += figures.count;
      all.errors += figures.errors;
      all.bytes += figures.bytes;
      PENSTOCK_TRY(all.latency.merge(figures.latency));
      PENSTOCK_TRY(all.corrected.merge(figures.corrected));
    }
    stage.reduced = stage.reduced || agent.summary.reduced();
    stage.marks.insert(stage.marks.end(), agent.summary.marks().begin(), agent.summary.marks().end());
    add_timeline(stage, agent.summary);
  }
  return ok();
}

Status take_arrival(StageFigures& stage, const pb::BenchArrived& arrived) {
  PENSTOCK_TRY(AgentFigures figures, agent_figures(arrived));
  AgentFigures& agent = agent_of(stage, arrived.agent());
  figures.counted = arrived.late() && stage.skipped.empty();
  figures.remark = agent.remark;
  if (arrived.summary().reduced() && figures.remark.empty()) figures.remark = "without latencies (results_limit)";
  agent = std::move(figures);
  return ok();
}

void take_began(StageFigures& stage, const pb::BenchBegan& began) {
  for (const pb::BenchWait& wait : began.agents()) stage.began_nanos.push_back(wait.nanos());
  std::ranges::sort(stage.began_nanos);
}

}  // namespace

uint64_t percentile_of(const std::vector<uint64_t>& sorted, double percent) {
  const auto rank = static_cast<size_t>(std::ceil(percent / 100 * static_cast<double>(sorted.size())));
  return sorted[std::clamp<size_t>(rank, 1, sorted.size()) - 1];
}

std::vector<uint64_t> RunFigures::release_nanos() const {
  std::vector<uint64_t> nanos;
  for (const StageFigures& stage : stages) {
    if (!stage.began_nanos.empty()) nanos.push_back(stage.began_nanos.back());
  }
  std::ranges::sort(nanos);
  return nanos;
}

Result<RunFigures> figures_of(const std::vector<pb::BenchJournal>& journal) {
  const pb::BenchRunStarted& started = journal.front().run_started();
  RunFigures run{.run = started.run(), .machine = started.machine(), .agents = {started.agents().begin(), started.agents().end()}};
  run.unix_micros = started.unix_micros();
  run.stage_file = started.stages();
  PENSTOCK_TRY(const Plan plan, parse_plan(started.stages(), "stage file"));
  for (const Stage& stage : plan.stages) {
    run.stages.push_back(
        {.name = stage.name, .type = std::string(name_of(stage.type)), .policy = std::string(name_of(stage.barrier.policy))});
  }
  const auto usable = [&](uint32_t sequence, uint32_t agent) {
    return sequence >= 1 && sequence <= run.stages.size() && agent < run.agents.size();
  };
  for (const pb::BenchJournal& record : journal) {
    if (record.has_arrived() && usable(record.arrived().sequence(), record.arrived().agent())) {
      PENSTOCK_TRY(take_arrival(run.stages[record.arrived().sequence() - 1], record.arrived()));
    } else if (record.has_released() && usable(record.released().sequence(), 0)) {
      take_release(run.stages[record.released().sequence() - 1], record.released());
    } else if (record.has_agent_lost() && usable(record.agent_lost().stage() + 1, record.agent_lost().agent())) {
      const pb::BenchAgentLost& lost = record.agent_lost();
      AgentFigures& agent = agent_of(run.stages[lost.stage()], lost.agent());
      if (!agent.counted) agent.remark = (lost.said_so() ? "failed: " : "lost: ") + lost.reason();
    } else if (record.has_began() && record.began().sequence() < run.stages.size()) {
      take_began(run.stages[record.began().sequence()], record.began());
    } else if (record.has_finished()) {
      run.completed = record.finished().completed();
      run.reason = record.finished().reason();
    }
  }
  for (StageFigures& stage : run.stages) {
    PENSTOCK_TRY(merge_stage(stage));
  }
  return run;
}

}  // namespace penstock::bench
