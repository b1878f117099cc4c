#include "bench/plan/parse_workload.h"

#include <algorithm>

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
  YamlMap inner(*node, "'" + key + "'", map);
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
  YamlMap inner(*node, "'weights'", map);
  uint64_t sum = 0;
  for (const std::string& kind : kinds) {
    uint32_t weight = 0;
    inner.read(kind, weight);
    if (weight > 0) weights[kind] = weight;
    sum += weight;
  }
  if (!inner.finish()) return;
  if (sum == 0 || sum > 1'000'000) map.fail("weights", "the sum of the weights must be from 1 to 1000000");
}

bool ends_by_itself(const WorkloadOptions& options) {
  const auto* object = std::get_if<ObjectOptions>(&options);
  const auto* stream = std::get_if<StreamOptions>(&options);
  return std::holds_alternative<ChaosOptions>(options) || (object != nullptr && object->prefill) ||
         (stream != nullptr && !stream->sql.empty());
}

// A load without a limit of its own must get one from its stage.
void require_limit(const YamlMap& map, const Stage& stage, const WorkloadOptions& options) {
  if (ends_by_itself(options) || stage.has_duration() || stage.max_tasks > 0) return;
  if (stage.type == StageType::Preflight || stage.type == StageType::Cleanup) return;
  map.fail_at(map.mark(), fmt::format("stage '{}' would never end: set max_tasks, or a completion with a duration", stage.name));
}

void read_location(YamlMap& map, storage::ObjectLocation& location) {
  map.read("target", location.url);
  map.read("endpoint", location.endpoint);
  map.read("region", location.region);
  map.read_bytes("part_size", location.part_bytes);
  for (const char* key : {"endpoint", "region", "part_size"}) {
    if (map.has(key) && !location.url.starts_with("s3://")) map.fail(key, fmt::format("only a target of s3:// has '{}'", key));
  }
  const Status wrong = storage::check_location(location);
  if (wrong.has_value()) return;
  const bool endpoint = map.has("endpoint") && wrong.error().message().find(location.endpoint) != std::string::npos;
  const bool part = map.has("part_size") && location.part_bytes < storage::kMinPartBytes;
  map.fail(part ? "part_size" : endpoint ? "endpoint" : "target", wrong.error().message());
}

ObjectOptions read_object(YamlMap& map, const Stage& stage) {
  ObjectOptions options;
  options.weights = {{"put", 1}, {"get", 1}};
  read_load(map, options.load, stage);
  map.check([&] {
    map.require("target");
    read_location(map, options.location);
  });
  read_size(map, "size", options.size);
  map.read("objects", options.objects, 1);
  map.read("prefill", options.prefill);
  map.read("verify", options.verify);
  read_weights(map, {"put", "get", "list", "head", "delete"}, options.weights);
  if (options.prefill && map.has("weights")) map.fail("weights", "prefill puts every object once; weights have no meaning with it");
  return options;
}

bool usable_table(const std::string& name) {
  return !name.empty() && name.size() <= 40 && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos &&
         (name[0] < '0' || name[0] > '9');
}

StreamOptions read_stream(YamlMap& map, const Stage& stage) {
  StreamOptions options;
  options.weights = {{"insert", 1}};
  options.value.median = 100;
  read_server(map, options.server);
  map.read("sql", options.sql);
  if (map.has("sql")) {  // nothing else has a meaning with it
    if (options.sql.empty()) map.fail("sql", "'sql' is a list of at least one statement");
    return options;
  }
  read_load(map, options.load, stage);
  map.read("table", options.table);
  if (!usable_table(options.table)) map.fail("table", "a table's name has 1 to 40 lower-case letters, digits and _");
  map.read("keys", options.keys, 1);
  map.read("rows", options.rows, 1);
  if (options.rows > 10'000) map.fail("rows", "an insert has at most 10000 rows");
  read_size(map, "value", options.value);
  if (options.value.median * options.rows > 900'000) map.fail("value", "a statement has at most 1 MiB: use fewer rows or smaller values");
  read_weights(map, {"insert", "select", "fresh", "verify"}, options.weights);
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
  return options;
}

void read_agents(YamlMap& map, StageWorkload& workload, const Plan& plan) {
  map.read("agents", workload.agents);
  if (!map.has("agents")) return;
  if (std::holds_alternative<ChaosOptions>(workload.options))
    map.fail("agents", "chaos is performed by the agent whose its processes and links are");
  if (workload.agents.empty()) map.fail("agents", "'agents' is a list of at least one agent, counted from 0");
  const uint32_t highest = *std::ranges::max_element(workload.agents);
  if (plan.agents != 0 && highest >= plan.agents) map.fail("agents", fmt::format("there are {} agents, counted from 0", plan.agents));
}

}  // namespace

StageWorkload parse_workload(const YamlMap& outer, const YAML::Node& node, const Stage& stage, const Plan& plan) {
  static const std::vector<std::string> kKinds = {"object", "state", "stream", "chaos"};
  YamlMap map(node, fmt::format("workload of stage '{}'", stage.name), outer);
  std::string kind;
  map.require("kind");
  map.read("kind", kind);
  StageWorkload workload;
  if (kind == "object") {
    workload.options = read_object(map, stage);
  } else if (kind == "state") {
    workload.options = read_state(map, stage);
  } else if (kind == "stream") {
    workload.options = read_stream(map, stage);
  } else if (kind == "chaos") {
    workload.options = read_chaos(map, stage, plan);
  } else {
    map.fail("kind", fmt::format("'{}' is no kind of workload; {}", kind, did_you_mean(kind, kKinds)));
  }
  read_agents(map, workload, plan);
  map.finish();
  require_limit(map, stage, workload.options);
  return workload;
}

}  // namespace penstock::bench
