#include "bench/command.h"

#include <CLI/CLI.hpp>

#include "cmd/command.h"
#include "cmd/signals.h"
#include "rpc/grpc_transport.h"
#include "runtime/threaded_runtime.h"

namespace penstock::cmd {
namespace {

// Runs `body` with what every part of the bench needs.
Status with_bench(const rpc::TlsFiles& tls, const std::function<Status(const bench::CommandContext&)>& body) {
  rpc::GrpcOptions options;
  PENSTOCK_TRY(options.tls, rpc::GrpcTls::load(tls));
  StopSignals signals;
  const auto runtime = runtime::make_threaded_runtime();
  auto transport = rpc::make_grpc_transport(*runtime, std::move(options));
  const Status status = body({*runtime, *transport, [&] { signals.wait(); }, [&] { signals.raise(); }});
  transport.reset();
  runtime->stop();
  return status;
}

void add_tls_options(CLI::App& app, rpc::TlsFiles& tls, const std::string& peer) {
  app.add_option("--tls-cert", tls.certificate, "Certificate of this end, PEM")->type_name("FILE");
  app.add_option("--tls-key", tls.key, "Its key, PEM")->type_name("FILE");
  app.add_option("--tls-ca", tls.authority, "Authority that the certificate of the " + peer + " must be of, PEM")->type_name("FILE");
}

void add_controller_options(CLI::App& app, bench::RunOptions& options) {
  app.add_option("--token-file", options.token_file, "File with the secret that the agents ask for")->type_name("FILE");
  add_tls_options(app, options.tls, "agents");
  app.add_flag("--json", options.json, "Print events as lines of JSON instead of progress");
}

}  // namespace

void add_bench(CLI::App& app) {
  auto* command = app.add_subcommand("bench", "Load a system in stages from many agents, kept in step by barriers");
  command->require_subcommand(1);
  command->footer(
      "Begin with:  penstock bench run examples/bench/quick.yaml --local 3\n"
      "             penstock bench report results/quick-…\n"
      "On several hosts:  `penstock bench agent` on each, then `penstock bench run stages.yaml --agents a:7167,b:7167`.\n"
      "docs/bench.md says what stands in a stage file.");
  const auto run = std::make_shared<bench::RunOptions>();
  const auto agent = std::make_shared<bench::AgentOptions>();
  const auto stop = std::make_shared<bench::StopOptions>();
  const auto paths = std::make_shared<std::vector<std::string>>();
  auto* dry = command->add_subcommand("dry-run", "Read a stage file and print the plan; nothing is started");
  dry->add_option("stages", run->stage_file, "Stage file (YAML)")->required()->type_name("FILE");
  dry->callback([=] { finish(bench::dry_run(run->stage_file)); });
  auto* listen = command->add_subcommand("agent", "Wait for a controller and do what it says");
  listen->add_option("--listen", agent->listen, "Address; off loopback only with --tls-cert, --tls-key and --token-file")
      ->capture_default_str();
  listen->add_option("--results", agent->folder, "Folder for results and the output of scripts")->capture_default_str()->type_name("DIR");
  listen->add_option("--token-file", agent->token_file, "File with a secret that controllers must show")->type_name("FILE");
  add_tls_options(*listen, agent->tls, "controller");
  listen->add_flag("--allow-exec", agent->allow_exec, "Run the scripts and processes that stage files contain");
  listen->add_flag("--once", agent->once, "End after the first run");
  listen->callback([=] { finish(with_bench(agent->tls, [&](const auto& context) { return bench::run_agent(*agent, context); })); });
  auto* start = command->add_subcommand("run", "Lead agents through the stages of a file");
  start->add_option("stages", run->stage_file, "Stage file (YAML)")->required()->type_name("FILE");
  start->add_option("--agents", run->agents, "Addresses of agents that are running")->delimiter(',')->type_name("HOST:PORT[,HOST:PORT]");
  start->add_option("--local", run->local, "Start so many agents on this host instead, 1 to 1000")
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  start->add_flag("--allow-exec", run->allow_exec, "Local agents may run scripts and processes");
  start->add_option("--out", run->out, "Folder for the results of runs")->capture_default_str()->type_name("DIR");
  add_controller_options(*start, *run);
  start->callback([=] { finish(with_bench(run->tls, [&](const auto& context) { return bench::run_stages(*run, context); })); });
  auto* resume = command->add_subcommand("resume", "The controller died: go on from its journal");
  resume->add_option("run", run->folder, "Folder of the run: results/NAME-…")->required()->type_name("DIR");
  add_controller_options(*resume, *run);
  resume->callback([=] { finish(with_bench(run->tls, [&](const auto& context) { return bench::resume_run(*run, context); })); });
  auto* report = command->add_subcommand("report", "Make an HTML page of one run, or of several to compare");
  report->add_option("runs", *paths, "Folders of runs")->required()->type_name("DIR");
  report->add_option("--out", run->report, "The page; otherwise report.html in the first folder")->type_name("FILE");
  report->callback([=] { finish(bench::report(*paths, run->report)); });
  auto* end = command->add_subcommand("stop", "End what agents do whose controller is gone");
  end->add_option("run", stop->folder, "Folder of their run, instead of --agents")->type_name("DIR");
  end->add_option("--agents", stop->agents, "Their addresses")->delimiter(',')->type_name("HOST:PORT[,HOST:PORT]");
  end->add_option("--token-file", stop->token_file, "File with the agents' secret")->type_name("FILE");
  add_tls_options(*end, stop->tls, "agents");
  end->add_flag("--no-cleanup", stop->no_cleanup, "Without the cleanup stages of their run");
  end->add_flag("--exit", stop->exit, "Their processes end too, without cleanup");
  end->callback([=] { finish(with_bench(stop->tls, [&](const auto& context) { return bench::stop(*stop, context); })); });
}

}  // namespace penstock::cmd
