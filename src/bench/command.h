#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/error.h"
#include "rpc/grpc_tls.h"
#include "rpc/transport.h"

/// The commands of `penstock bench`, each of which blocks until it is done.
namespace penstock::bench {

struct CommandContext {
  runtime::Runtime& runtime;
  rpc::Transport& transport;              // encrypted by what the options' `tls` names
  std::function<void()> wait_for_signal;  // blocks; a second signal ends the process
  std::function<void()> raise_signal;     // any thread: ends the wait
};
struct AgentOptions {
  std::string listen = "127.0.0.1:7167", folder = "bench-agent", token_file;
  rpc::TlsFiles tls;
  bool allow_exec = false, once = false;
};
struct RunOptions {
  std::string stage_file, folder, out = "results", token_file, report;
  std::vector<std::string> agents;
  rpc::TlsFiles tls;
  uint32_t local = 0;
  bool allow_exec = false, json = false;
};
struct StopOptions {
  std::vector<std::string> agents;
  std::string folder;  // of a run, whose agents they are, if `agents` is empty
  std::string token_file;
  rpc::TlsFiles tls;
  bool no_cleanup = false, exit = false;
};

Status dry_run(const std::string& stage_file);
Status run_agent(const AgentOptions& options, const CommandContext& context);
Status run_stages(const RunOptions& options, const CommandContext& context);
Status resume_run(const RunOptions& options, const CommandContext& context);
Status report(const std::vector<std::string>& folders, const std::string& out);
Status stop(const StopOptions& options, const CommandContext& context);

}  // namespace penstock::bench
