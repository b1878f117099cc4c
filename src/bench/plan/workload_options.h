#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "runtime/runtime.h"
#include "storage/object_store/object_store.h"

/// The `workload:` of a stage, by kind.
namespace penstock::bench {

/// What every workload that performs operations has.
struct LoadShape {
  uint32_t concurrency = 1;
  double rate = 0;  // operations a second of each agent; 0: as fast as it goes
  runtime::Duration warmup{};
  uint64_t seed = 1;
};

/// Sizes in bytes: fixed when `sigma` is 0, else lognormal around the median `median`, cut at `max`.
struct SizeOptions {
  uint64_t median = 4096;
  double sigma = 0;
  uint64_t max = 0;
};

struct ObjectOptions {
  LoadShape load;
  storage::ObjectLocation location;  // each agent has a folder of its own below it
  SizeOptions size;
  uint32_t objects = 1000;                  // names that each agent uses
  std::map<std::string, uint32_t> weights;  // put get list head delete
  bool prefill = false;                     // put every name once, in order, whatever the weights
  bool verify = false;                      // compare what get returns with what was put
};

struct StateOptions {
  LoadShape load;
  std::string store = "memory";  // or rocksdb
  std::string path;              // of rocksdb: each agent has a folder of its own below it
  uint32_t keys = 100000;
  SizeOptions value;
  std::map<std::string, uint32_t> weights;  // write read scan
  uint32_t scan_rows = 100;
  uint32_t epoch_every = 10000;  // writes of a worker between two checkpoints
};

/// A Postgres server, as far as it is a frontend of Penstock.
struct SqlServer {
  std::string address = "127.0.0.1:4566";
  std::string user = "root";
  std::string database = "dev";
  runtime::Duration timeout = std::chrono::seconds(30);  // of a statement
};

struct StreamOptions {
  LoadShape load;
  SqlServer server;
  std::vector<std::string> sql;             // performed in order by the first agent, instead of all that follows
  std::string table = "bench";              // each agent has one of its own
  uint32_t keys = 1000;                     // groups of the view
  uint32_t rows = 100;                      // of an insert
  SizeOptions value;                        // of the text in a row
  std::map<std::string, uint32_t> weights;  // insert select fresh verify
};

/// Something that an agent starts, of `run: processes:`.
struct ProcessOptions {
  std::string command;  // for /bin/sh
  std::map<std::string, std::string> env;
  uint32_t agent = 0;  // which one starts it
};

/// A port of an agent that leads on to `to`, of `run: links:`.
struct LinkOptions {
  std::string listen;
  std::string to;
  uint32_t agent = 0;
};

struct ChaosAction {
  enum Kind : uint8_t { Start, Stop, Kill, Restart, Pause, Cut, Slow, Wait, Sql, Readable, Until, Check, Committed };
  Kind kind = Start;
  std::string target;          // a process, a link, or SQL
  runtime::Duration duration;  // of Pause, Cut and Wait; how much Slow slows
};
[[nodiscard]] std::string_view name_of(ChaosAction::Kind kind);

struct ChaosOptions {
  LoadShape load;
  SqlServer server;
  std::vector<ChaosAction> actions;
  uint64_t rounds = 1;                                    // of all actions; 0: until the stage is over
  runtime::Duration patience = std::chrono::seconds(60);  // of an action that waits for the server
  uint32_t agent = 0;                                     // whose processes they are
  std::map<std::string, ProcessOptions> processes;        // of the whole plan
  std::map<std::string, LinkOptions> links;               // of the whole plan
};

using WorkloadOptions = std::variant<ObjectOptions, StateOptions, StreamOptions, ChaosOptions>;

/// One of the workloads that a stage performs at the same time.
struct StageWorkload {
  WorkloadOptions options;
  std::vector<uint32_t> agents;  // that perform it; empty: all

  [[nodiscard]] bool is_of(uint32_t agent) const { return agents.empty() || std::ranges::find(agents, agent) != agents.end(); }
};

}  // namespace penstock::bench
