#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "runtime/runtime.h"

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
  std::string target;  // file:///folder; each agent has a folder of its own below it
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

struct NoWorkload {};
using WorkloadOptions = std::variant<NoWorkload, ObjectOptions, StateOptions>;

}  // namespace penstock::bench
