#include "bench/command.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "bench/agent/agent_server.h"
#include "bench/agent/local_agents.h"
#include "bench/control/controller_run.h"
#include "bench/control/results.h"
#include "common/log.h"
#include "rpc/address.h"

namespace penstock::bench {
namespace {

Result<std::string> read_token(const std::string& path) {
  if (path.empty()) return std::string();
  storage::PosixFileSystem files;
  PENSTOCK_TRY(std::string token, storage::read_file(files, path));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  if (token.empty()) return error(Code::InvalidConfig, "the token file {} is empty", path);
  return token;
}

Result<Plan> read_plan(const std::string& stage_file) {
  storage::PosixFileSystem files;
  PENSTOCK_TRY(const std::string text, storage::read_file(files, stage_file));
  return parse_plan(text, stage_file);
}

// What is sent to an agent off this host would be read by whoever is on the way: the token, and scripts that could be changed.
Status check_reachable(const std::vector<std::string>& agents, const rpc::TlsFiles& tls) {
  for (const std::string& agent : agents) {
    PENSTOCK_TRY(const rpc::Address address, rpc::Address::parse(agent));
    if (!address.is_loopback() && !tls.any()) {
      return error(Code::InvalidConfig, "agent {} is not on this host: it is reached by TLS only", agent)
          .with_hint("Give --tls-ca FILE with the authority of the agents' certificates, or reach them through a tunnel.");
    }
  }
  return ok();
}

Status check_listen(const AgentOptions& options) {
  PENSTOCK_TRY(const rpc::Address address, rpc::Address::parse(options.listen));
  if (address.is_loopback()) return ok();
  if (options.tls.certificate.empty() || options.token_file.empty()) {
    return error(Code::InvalidConfig, "an agent listens on {}, which is no loopback address, only with TLS and a token", address.host)
        .with_hint("Give --tls-cert, --tls-key and --token-file, or listen on loopback and use a tunnel: ssh -L 7167:127.0.0.1:7167 HOST");
  }
  return ok();
}

Result<std::vector<std::string>> agents_of_run(const std::string& folder) {
  storage::PosixFileSystem files;
  PENSTOCK_TRY(const auto journal, Journal::read(files, folder));
  const auto& agents = journal.front().run_started().agents();
  return std::vector<std::string>(agents.begin(), agents.end());
}

ViewStyle view_style(const RunOptions& options) {
  if (options.json) return ViewStyle::Json;
  return ::isatty(STDOUT_FILENO) == 1 ? ViewStyle::Bars : ViewStyle::Lines;
}

/// How a run and the thread that waits for it tell each other of the end.
struct Ending {
  std::atomic<bool> finished{false};
  std::atomic<bool> interrupted{false};  // the signal was the user's: nobody waits for another one
};

ControllerRun::Options run_options(const RunOptions& options, std::string token, const std::shared_ptr<Ending>& ending,
                                   const CommandContext& context) {
  return {.token = std::move(token), .view = view_style(options), .on_finished = [ending, &context] {
            ending->finished = true;
            if (!ending->interrupted) context.raise_signal();
          }};
}

// Ctrl-C aborts the run and then waits for its end; a second one ends the process.
Status wait_for_end(Result<std::unique_ptr<ControllerRun>> started, const std::shared_ptr<Ending>& ending, const CommandContext& context) {
  PENSTOCK_TRY(auto run, std::move(started));
  context.wait_for_signal();
  if (!ending->finished) {
    ending->interrupted = true;
    run->interrupt();
    const auto waiter = context.runtime.make_waiter();
    while (!ending->finished) (void)waiter->wait_for(std::chrono::milliseconds(50));
  }
  return run->outcome();
}

}  // namespace

Status dry_run(const std::string& stage_file) {
  PENSTOCK_TRY(const Plan plan, read_plan(stage_file));
  fmt::print("{}", describe(plan));
  return ok();
}

Status run_agent(const AgentOptions& options, const CommandContext& context) {
  PENSTOCK_TRY(check_listen(options));
  PENSTOCK_TRY(std::string token, read_token(options.token_file));
  char host[256] = {};
  ::gethostname(host, sizeof(host) - 1);
  AgentServer::Options server{.agent = {.name = fmt::format("{} pid {}", host, ::getpid()),
                                        .machine = describe_machine(),
                                        .token = std::move(token),
                                        .allow_exec = options.allow_exec},
                              .folder = options.folder,
                              .once = options.once};
  server.on_exit = [&](Status why) {
    if (why.has_error()) {
      log::error("bench", "{}", why.error());
      std::_Exit(1);  // a thread of a stage hangs: nothing could be joined
    }
    context.raise_signal();
  };
  PENSTOCK_TRY(auto agent, AgentServer::start(std::move(server), context.runtime, context.transport, options.listen));
  fmt::print("{}{}\n", kListening, agent->address());
  std::fflush(stdout);
  context.wait_for_signal();
  agent.reset();
  return ok();
}

Status run_stages(const RunOptions& options, const CommandContext& context) {
  PENSTOCK_TRY(std::string token, read_token(options.token_file));
  std::vector<std::string> agents = options.agents;
  if (options.local > 0) {
    if (!agents.empty()) return error(Code::InvalidConfig, "--agents and --local exclude each other");
    if (options.tls.any()) return error(Code::InvalidConfig, "--local agents listen on loopback without TLS; leave out --tls-…");
    PENSTOCK_TRY(const Plan plan, read_plan(options.stage_file));
    PENSTOCK_TRY(plan.check_agents(options.local));  // before anything is started
    const std::string folder = fmt::format("{}/agents-{:08x}", options.out, context.runtime.random() & 0xffffffffU);
    PENSTOCK_TRY(agents, start_local_agents(options.local, options.allow_exec, options.token_file, folder, context.runtime));
  } else if (agents.empty()) {
    PENSTOCK_TRY(const Plan plan, read_plan(options.stage_file));
    agents = plan.addresses;
  }
  PENSTOCK_TRY(check_reachable(agents, options.tls));
  const auto ending = std::make_shared<Ending>();  // shared with the run's last call
  return wait_for_end(ControllerRun::begin(options.stage_file, std::move(agents), options.out,
                                           run_options(options, std::move(token), ending, context), context.runtime, context.transport),
                      ending, context);
}

Status resume_run(const RunOptions& options, const CommandContext& context) {
  PENSTOCK_TRY(std::string token, read_token(options.token_file));
  PENSTOCK_TRY(const std::vector<std::string> agents, agents_of_run(options.folder));
  PENSTOCK_TRY(check_reachable(agents, options.tls));
  const auto ending = std::make_shared<Ending>();  // shared with the run's last call
  return wait_for_end(
      ControllerRun::resume(options.folder, run_options(options, std::move(token), ending, context), context.runtime, context.transport),
      ending, context);
}

Status report(const std::vector<std::string>& folders, const std::string& out) {
  storage::PosixFileSystem files;
  std::vector<RunFigures> runs;
  for (const std::string& folder : folders) {
    PENSTOCK_TRY(const auto journal, Journal::read(files, folder));
    PENSTOCK_TRY(RunFigures figures, figures_of(journal));
    fmt::print("{}\n{}", figures.run, results_table(figures));
    runs.push_back(std::move(figures));
  }
  const std::string path = out.empty() ? folders.front() + "/report.html" : out;
  std::ofstream file(path, std::ios::binary);
  file << html_report(runs);
  if (!file.flush()) return error(Code::Io, "cannot write {}", path);
  fmt::print("report: {}\n", path);
  return ok();
}

Status stop(const StopOptions& options, const CommandContext& context) {
  PENSTOCK_TRY(const std::string token, read_token(options.token_file));
  if (options.agents.empty() == options.folder.empty()) return error(Code::InvalidConfig, "name a run's folder, or --agents");
  std::vector<std::string> agents = options.agents;
  if (agents.empty()) {
    PENSTOCK_TRY(agents, agents_of_run(options.folder));
  }
  PENSTOCK_TRY(check_reachable(agents, options.tls));
  return stop_agents(agents, token, !options.no_cleanup && !options.exit, options.exit, context.runtime, context.transport);
}

}  // namespace penstock::bench
