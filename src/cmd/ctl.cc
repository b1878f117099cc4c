#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

#include <CLI/CLI.hpp>

#include "cmd/command.h"
#include "cmd/settings.h"
#include "cmd/tls_settings.h"
#include "ctl/doctor.h"
#include "ctl/steer.h"
#include "ctl/views.h"
#include "rpc/grpc_transport.h"
#include "runtime/threaded_runtime.h"

namespace penstock::cmd {
namespace {

struct Options {
  std::string meta = "127.0.0.1:5690";
  TlsSettings tls;
  bool no_colour = false;
  ctl::ViewOptions view;
  std::vector<std::string> folders;
  std::string parallelism;
  bool undo = false;
};

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal's handler sets it

/// The first Ctrl-C ends the waiting, and says what becomes of what was asked for; the second one ends the process.
void take_interrupts(ctl::ViewOptions& view) {
  view.interrupted = &interrupted;
  std::signal(SIGINT, [](int number) {
    interrupted = true;
    std::signal(number, SIG_DFL);
  });
}

uint32_t terminal_columns() {
  constexpr uint32_t kUsual = 80;
  winsize size{};
  if (isatty(STDERR_FILENO) != 1) return 0;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col : kUsual;
}

using Command = std::function<Status(ctl::MetaCaller&, const ctl::ViewOptions&)>;

/// Runs one command against meta.
Status call(const Options& options, const Command& command) {
  PENSTOCK_TRY(rpc::GrpcOptions grpc, options.tls.load());
  const auto runtime = runtime::make_threaded_runtime();
  auto transport = rpc::make_grpc_transport(*runtime, std::move(grpc));
  ctl::MetaCaller meta(*runtime, *transport, options.meta);
  ctl::ViewOptions view = options.view;
  view.colour = !options.no_colour && isatty(STDOUT_FILENO) == 1;
  view.columns = terminal_columns();
  const Status done = command(meta, view);
  transport.reset();
  runtime->stop();
  return done;
}

class CtlCommands {
 public:
  explicit CtlCommands(CLI::App& ctl)
      : ctl_(ctl), options_(std::make_shared<Options>()), settings_(std::make_shared<Settings>(ctl, "ctl")) {
    settings_->add("meta", options_->meta, "Address of meta; a playground says its own at its start");
    settings_->add("json", options_->view.json, "Print JSON instead of tables");
    settings_->add("wide", options_->view.wide, "Print long texts in full");
    settings_->add("no-colour", options_->no_colour, "Never colour; left out: only on a terminal");
    options_->tls.add_to(*settings_);
    ctl.fallthrough();
  }

  CLI::App& add(const std::string& name, const std::string& help, Command command) {
    CLI::App& added = *ctl_.add_subcommand(name, help);
    added.fallthrough();
    added.callback([options = options_, settings = settings_, command = std::move(command)] {
      constexpr int kInterrupted = 128 + SIGINT;
      const Status loaded = settings->load();
      const Status done = loaded.has_error() ? loaded : call(*options, command);
      finish(done);
      if (interrupted && done.has_error()) exit_code() = kInterrupted;
    });
    return added;
  }
  /// One that may take long.
  CLI::App& add_waiting(const std::string& name, const std::string& help, Command command) {
    return add(name, help, [command = std::move(command)](ctl::MetaCaller& meta, const ctl::ViewOptions& view) {
      ctl::ViewOptions waits = view;
      take_interrupts(waits);
      return command(meta, waits);
    });
  }
  Options& options() { return *options_; }
  [[nodiscard]] std::shared_ptr<Options> shared() const { return options_; }  // shared with the callbacks

 private:
  CLI::App& ctl_;
  const std::shared_ptr<Options> options_;
  const std::shared_ptr<Settings> settings_;
};

void add_views(CtlCommands& commands) {
  ctl::ViewOptions& view = commands.options().view;
  const auto of_job = [&](CLI::App& command) { command.add_option("--job", view.job, "Only of this job")->type_name("NAME"); };
  const auto of_database = [&](CLI::App& command) {
    command.add_option("--database", view.database, "Only of this database")->type_name("NAME");
  };
  const auto newest = [&](CLI::App& command) {
    command.add_option("--limit", view.limit, "So many of the newest")->type_name("N")->capture_default_str();
  };
  commands.add("cluster", "Nodes and databases: who is there, what runs, what is committed", ctl::show_cluster);
  of_job(commands.add("jobs", "Tables, materialized views and sinks: their state, progress and actors", ctl::show_jobs));
  of_job(commands.add("fragments", "The pieces a job's plan is cut into, with their operators", ctl::show_fragments));
  of_job(commands.add("actors", "Which actor runs where, and how many vnodes it owns", ctl::show_actors));
  of_database(commands.add("epochs", "Per database: committed epoch, barriers in flight, recovery", ctl::show_epochs));
  of_job(commands.add("tables", "State tables and what they take on each node", ctl::show_tables));
  CLI::App& barriers =
      commands.add("barriers", "The last barriers, step by step: sent, collected, aligned, synced, committed", ctl::show_barriers);
  newest(barriers);
  of_database(barriers);
  CLI::App& events = commands.add("events", "Failures, recoveries and their root causes; stuck barriers", ctl::show_events);
  newest(events);
  of_database(events);
  CLI::App& await = commands.add("await-tree", "Who waits for whom: which actor holds up the oldest barrier, and what each waits on",
                                 ctl::show_await_tree);
  await.add_option("--node", view.node, "List only this node's actors")->type_name("ID");
  await.add_option("--actor", view.actor, "List only this actor")->type_name("ID");
}

void add_actions(CtlCommands& commands) {
  ctl::ViewOptions& view = commands.options().view;
  const auto in_database = [&](CLI::App& command) {
    command.add_option("--database", view.database, "In which database; left out: dev")->type_name("NAME");
  };
  const auto of_job = [&](CLI::App& command) {
    command.add_option("--job", view.job, "Only this job; left out: the whole database")->type_name("NAME");
  };
  in_database(commands.add_waiting("flush", "Make a checkpoint now and wait until it is committed", ctl::flush));
  CLI::App& pause =
      commands.add_waiting("pause", "Hold the sources and backfills of a database or job; what is read stays readable", ctl::pause);
  in_database(pause);
  of_job(pause);
  CLI::App& resume = commands.add_waiting("resume", "Let what was paused go on", ctl::resume);
  in_database(resume);
  of_job(resume);
  CLI::App& rescale = commands.add_waiting("rescale", "Give a job another number of actors; its state moves with them",
                                           [options = commands.shared()](ctl::MetaCaller& meta, const ctl::ViewOptions& view) {
                                             return ctl::rescale(meta, view, options->parallelism);
                                           });
  in_database(rescale);
  rescale.add_option("job", view.job, "Which job")->required();
  rescale.add_option("parallelism", commands.options().parallelism, "Actors of each fragment, or: adaptive")->required();
  CLI::App& drain = commands.add_waiting(
      "drain", "Move all actors and state away from a node, so that it can be taken away",
      [options = commands.shared()](ctl::MetaCaller& meta, const ctl::ViewOptions& view) { return ctl::drain(meta, view, options->undo); });
  drain.add_option("node", view.node, "Its number, as penstock ctl cluster lists it")->required();
  drain.add_flag("--undo", commands.options().undo, "Let it take actors again");
  CLI::App& doctor =
      commands.add("doctor", "Look for everything that is known to go wrong, and say what to do. Ends with 1 if something is an error",
                   [options = commands.shared()](ctl::MetaCaller& meta, const ctl::ViewOptions& view) -> Status {
                     PENSTOCK_TRY(const bool good, ctl::doctor(meta, options->folders, view.json));
                     if (!good) exit_code() = 1;
                     return ok();
                   });
  doctor.add_option("--data-dir", commands.options().folders, "Also look at this data folder on this machine; may be given again")
      ->type_name("DIR");
}

}  // namespace

void add_ctl(CLI::App& app) {
  auto* command = app.add_subcommand("ctl", "See and steer a running cluster or playground");
  command->footer(
      "Something is slow or stuck? penstock ctl await-tree names who holds it up; penstock ctl doctor says what to do.\n"
      "flush, pause, resume, rescale and drain say on standard error for what they wait; Ctrl-C ends the waiting, not what they do.\n"
      "Exit codes: 0 done, 1 it failed or doctor found an error, 130 stopped waiting.");
  command->require_subcommand(1);
  CtlCommands commands(*command);
  add_views(commands);
  add_actions(commands);
}

}  // namespace penstock::cmd
