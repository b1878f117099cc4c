#include "bench/plan/parse_workload.h"

#include "common/nearest.h"

namespace penstock::bench {
namespace {

void read_load(YamlMap& map, LoadShape& load, const Stage& stage) {
  map.read("concurrency", load.concurrency, 1);
  if (load.concurrency > 1024) map.fail("concurrency", "at most 1024 threads are started");
  map.read("rate", load.rate, 0.001);
  map.read("warmup", load.warmup);
  map.read("seed", load.seed);
  if (load.warmup.count() > 0 && !stage.has_duration()) map.fail("warmup", "a warm-up needs a completion with a duration");
  if (stage.has_duration() && load.warmup >= stage.duration) {
    map.fail("warmup",
             fmt::format("a warm-up of {} leaves nothing of a stage of {}", format_duration(load.warmup), format_duration(stage.duration)));
  }
}

// `size: 4KiB` or `size: {median, sigma, max}`.
void read_size(YamlMap& map, const std::string& key, SizeOptions& size) {
  const auto node = map.find(key);
  if (!node) return;
  if (!node->IsMap()) return map.read_bytes(key, size.median);
  YamlMap inner(*node, "'" + key + "'");
  inner.read_bytes("median", size.median);
  inner.read("sigma", size.sigma, 0);
  inner.read_bytes("max", size.max);
  inner.finish();
  if (size.median == 0 || (size.max != 0 && size.max < size.median)) inner.fail("median", "the median must be above 0 and at most max");
  if (size.sigma > 5) inner.fail("sigma", "a sigma above 5 has no use");
}

void read_weights(YamlMap& map, const std::vector<std::string>& kinds, std::map<std::string, uint32_t>& weights) {
  const auto node = map.find("weights");
  if (!node) return;
  weights.clear();
  YamlMap inner(*node, "'weights'");
  uint64_t sum = 0;
  for (const std::string& kind : kinds) {
    uint32_t weight = 0;
    inner.read(kind, weight);
    if (weight > 0) weights[kind] = weight;
    sum += weight;
  }
  inner.finish();
  if (sum == 0 || sum > 1'000'000) map.fail("weights", "the sum of the weights must be from 1 to 1000000");
}

// A load without a limit of its own must get one from its stage.
void require_limit(const YamlMap& map, const Stage& stage, bool ends_by_itself) {
  if (ends_by_itself || stage.has_duration() || stage.max_tasks > 0) return;
  if (stage.type == StageType::Preflight || stage.type == StageType::Cleanup) return;
  throw Mistake{map.mark(), fmt::format("stage '{}' would never end: set max_tasks, or a completion with a duration", stage.name)};
}

ObjectOptions read_object(YamlMap& map, const Stage& stage) {
  ObjectOptions options;
  options.weights = {{"put", 1}, {"get", 1}};
  read_load(map, options.load, stage);
  map.require("target");
  map.read("target", options.target);
  if (!options.target.starts_with("file:///")) map.fail("target", "the target must begin with file:///");
  read_size(map, "size", options.size);
  map.read("objects", options.objects, 1);
  map.read("prefill", options.prefill);
  map.read("verify", options.verify);
  read_weights(map, {"put", "get", "list", "head", "delete"}, options.weights);
  if (options.prefill && map.has("weights")) map.fail("weights", "prefill puts every object once; weights have no meaning with it");
  require_limit(map, stage, options.prefill);
  return options;
}

StateOptions read_state(YamlMap& map, const Stage& stage) {
  StateOptions options;
  options.weights = {{"write", 1}};
  options.value.median = 100;
  read_load(map, options.load, stage);
  map.read("store", options.store);
  map.read("path", options.path);
  const bool rocksdb = options.store == "rocksdb";
  if (!rocksdb && options.store != "memory") map.fail("store", "the store is memory or rocksdb");
  if (rocksdb != (!options.path.empty() && options.path[0] == '/')) map.fail("path", "rocksdb, and only it, needs an absolute path");
  map.read("keys", options.keys, 1);
  read_size(map, "value", options.value);
  map.read("scan_rows", options.scan_rows, 1);
  map.read("epoch_every", options.epoch_every, 1);
  read_weights(map, {"write", "read", "scan"}, options.weights);
  require_limit(map, stage, false);
  return options;
}

}  // namespace

WorkloadOptions parse_workload(const YAML::Node& node, const Stage& stage) {
  static const std::vector<std::string> kKinds = {"object", "state"};
  YamlMap map(node, fmt::format("workload of stage '{}'", stage.name));
  std::string kind;
  map.require("kind");
  map.read("kind", kind);
  WorkloadOptions options;
  if (kind == "object") {
    options = read_object(map, stage);
  } else if (kind == "state") {
    options = read_state(map, stage);
  } else {
    map.fail("kind", fmt::format("'{}' is no kind of workload; {}", kind, did_you_mean(kind, kKinds)));
  }
  map.finish();
  return options;
}

}  // namespace penstock::bench
