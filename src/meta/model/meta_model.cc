#include "meta/model/meta_model.h"

#include <charconv>

#include "meta/model/keys.h"

namespace penstock::meta {
namespace {

constexpr std::array<std::string_view, kCounters> kCounterNames = {"next_database", "next_object", "next_table", "next_fragment",
                                                                   "next_operator", "next_worker", "next_event", "catalog_version",
                                                                   "actor_limit",   "epoch_lease"};

Error corrupt(std::string_view key, std::string_view why) { return error(Code::Corruption, "meta store: row {}: {}", key, why); }

/// The parts of a key after its first '/', as numbers.
Result<std::vector<uint64_t>> numbers_of(std::string_view key, size_t count) {
  std::vector<uint64_t> out;
  size_t at = key.find('/');
  while (at != std::string_view::npos) {
    const size_t end = key.find('/', at + 1);
    const std::string_view part = key.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
    uint64_t number = 0;
    const auto [stop, failed] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (failed != std::errc() || stop != part.data() + part.size()) return corrupt(key, "no number in the key");
    out.push_back(number);
    at = end;
  }
  if (out.size() != count) return corrupt(key, fmt::format("{} numbers in the key, not {}", out.size(), count));
  return out;
}

template <typename Message>
Result<Message> parse(std::string_view key, const std::string& value) {
  Message message;
  if (!message.ParseFromString(value)) return corrupt(key, fmt::format("no {}", Message::descriptor()->name()));
  return message;
}

/// Replaces or erases one row of a map of messages.
template <typename Message, typename Map>
Status apply_message(Map& map, const typename Map::key_type& id, std::string_view key, const std::optional<std::string>& value) {
  if (!value) {
    map.erase(id);
    return ok();
  }
  PENSTOCK_TRY(auto message, parse<Message>(key, *value));
  map.insert_or_assign(id, std::move(message));
  return ok();
}

Result<JobPlacement> placement_from_pb(std::string_view key, const pb::JobPlacement& message, uint32_t vnode_count) {
  JobPlacement placement;
  for (const pb::FragmentPlacement& fragment : message.fragments()) {
    auto& actors = placement.fragments[FragmentId{fragment.fragment_id()}];
    for (const pb::ActorPlacement& actor : fragment.actors()) {
      auto vnodes = VNodeBitmap::from_bytes(vnode_count, actor.vnodes());
      if (vnodes.has_error()) return corrupt(key, vnodes.error().message());
      actors.push_back({ActorId{actor.actor_id()}, WorkerId{actor.worker_id()}, std::move(vnodes).value()});
    }
  }
  for (const uint32_t actor : message.backfilled_actors()) placement.backfilled.insert(ActorId{actor});
  return placement;
}

template <typename Map, typename Key>
const typename Map::mapped_type& find_or_empty(const Map& map, const Key& key) {
  static const typename Map::mapped_type kEmpty;
  const auto found = map.find(key);
  return found == map.end() ? kEmpty : found->second;
}

}  // namespace

std::string_view counter_name(Counter counter) { return kCounterNames[static_cast<size_t>(counter)]; }

Result<MetaModel> MetaModel::load(const MetaStore::Rows& rows) {
  MetaModel model;
  // A placement is read with its job's vnode count, so jobs come first; the order of the other rows does not matter.
  for (const bool placements : {false, true}) {
    for (const auto& [key, value] : rows) {
      if (key.starts_with("placement/") != placements) continue;
      PENSTOCK_TRY(model.apply_row(key, value));
    }
  }
  return model;
}

Status MetaModel::apply(const Txn& committed) {
  for (const Txn::Write& write : committed.writes) {
    PENSTOCK_TRY(apply_row(write.key, write.value));
  }
  return ok();
}

Status MetaModel::apply_row(std::string_view key, const Value& value) {
  const std::string_view table = key.substr(0, key.find('/'));
  if (table == "counter") return apply_counter(key, value);
  struct Table {
    std::string_view name;
    size_t depth;
    Status (MetaModel::*apply)(const Key&, const Value&);
  };
  static constexpr Table kTables[] = {
      {"database", 1, &MetaModel::apply_database},
      {"object", 1, &MetaModel::apply_object},
      {"worker", 1, &MetaModel::apply_worker},
      {"event", 1, &MetaModel::apply_event},
      {"graph", 1, &MetaModel::apply_graph},
      {"job", 1, &MetaModel::apply_job},
      {"placement", 1, &MetaModel::apply_placement},
      {"split", 3, &MetaModel::apply_split},
      {"numbered_split", 2, &MetaModel::apply_numbered_split},
      {"segment", 3, &MetaModel::apply_segment},
  };
  for (const Table& known : kTables) {
    if (known.name != table) continue;
    PENSTOCK_TRY(auto numbers, numbers_of(key, known.depth));
    return (this->*known.apply)({key, std::move(numbers)}, value);
  }
  return corrupt(key, "unknown kind of row");
}

Status MetaModel::apply_counter(std::string_view key, const Value& value) {
  const auto name = std::ranges::find(kCounterNames, key.substr(key.find('/') + 1));
  if (name == kCounterNames.end() || !value) return corrupt(key, "no such counter");
  counters_[static_cast<size_t>(name - kCounterNames.begin())] = std::strtoull(value->c_str(), nullptr, 10);
  return ok();
}

Status MetaModel::apply_database(const Key& key, const Value& value) {
  return apply_message<pb::Database>(databases_, key.id<DatabaseId>(0), key.text, value);
}
Status MetaModel::apply_object(const Key& key, const Value& value) {
  return apply_message<pb::CatalogObject>(objects_, key.id<ObjectId>(0), key.text, value);
}
Status MetaModel::apply_worker(const Key& key, const Value& value) {
  return apply_message<pb::WorkerRecord>(workers_, key.id<WorkerId>(0), key.text, value);
}
Status MetaModel::apply_event(const Key& key, const Value& value) {
  return apply_message<pb::EventRecord>(events_, key.numbers[0], key.text, value);
}

Status MetaModel::apply_graph(const Key& key, const Value& value) {
  if (!value) {
    committed_.erase(key.id<PartialGraphId>(0));
    return ok();
  }
  PENSTOCK_TRY(const auto record, parse<pb::GraphRecord>(key.text, *value));
  committed_[key.id<PartialGraphId>(0)] = {Term{record.term()}, Epoch{record.committed_epoch()}};
  return ok();
}

Status MetaModel::apply_job(const Key& key, const Value& value) {
  if (!value) {
    jobs_.erase(key.id<JobId>(0));
    return ok();
  }
  PENSTOCK_TRY(auto record, parse<pb::JobRecord>(key.text, *value));
  auto plan = JobPlan::make(std::move(record));
  if (plan.has_error()) return corrupt(key.text, plan.error().message());
  jobs_[key.id<JobId>(0)] = std::move(plan).value();
  return ok();
}

Status MetaModel::apply_placement(const Key& key, const Value& value) {
  const auto job_id = key.id<JobId>(0);
  if (!value) {
    placements_.erase(job_id);
    return ok();
  }
  const auto plan = job(job_id);
  if (!plan) return corrupt(key.text, "no such job");
  PENSTOCK_TRY(const auto message, parse<pb::JobPlacement>(key.text, *value));
  PENSTOCK_TRY(placements_[job_id], placement_from_pb(key.text, message, plan->vnode_count()));
  return ok();
}

Status MetaModel::apply_split(const Key& key, const Value& value) {
  const auto job_id = key.id<JobId>(0);
  auto& splits = splits_[job_id];
  const SplitKey split{key.id<ObjectId>(1), static_cast<uint32_t>(key.numbers[2])};
  if (value) {
    PENSTOCK_TRY(auto message, parse<pb::JobSplit>(key.text, *value));
    splits.insert_or_assign(split, JobSplit{ActorId{message.actor_id()}, std::move(*message.mutable_split())});
  } else {
    splits.erase(split);
  }
  if (splits.empty()) splits_.erase(job_id);
  return ok();
}

Status MetaModel::apply_numbered_split(const Key& key, const Value& value) {
  const auto source = key.id<ObjectId>(0);
  auto& numbered = numbered_splits_[source];
  if (value) {
    PENSTOCK_TRY(auto message, parse<pb::NumberedSplit>(key.text, *value));
    numbered[static_cast<uint32_t>(key.numbers[1])] = std::move(*message.mutable_id());
  } else {
    numbered.erase(static_cast<uint32_t>(key.numbers[1]));
  }
  if (numbered.empty()) numbered_splits_.erase(source);
  return ok();
}

Status MetaModel::apply_segment(const Key& key, const Value& value) {
  const auto graph = key.id<PartialGraphId>(0);
  const auto worker_id = key.id<WorkerId>(1);
  auto& by_worker = segments_[graph];
  auto& segments = by_worker[worker_id];
  if (value) {
    PENSTOCK_TRY(auto message, parse<pb::SegmentRecord>(key.text, *value));
    segments.insert_or_assign(key.numbers[2], std::move(*message.mutable_ref()));
  } else {
    segments.erase(key.numbers[2]);
  }
  if (segments.empty()) by_worker.erase(worker_id);
  if (by_worker.empty()) segments_.erase(graph);
  return ok();
}

const pb::CatalogObject* MetaModel::object(ObjectId id) const {
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : &found->second;
}

std::shared_ptr<const JobPlan> MetaModel::job(JobId id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second;
}

const JobPlacement* MetaModel::placement(JobId id) const {
  const auto found = placements_.find(id);
  return found == placements_.end() ? nullptr : &found->second;
}

const pb::WorkerRecord* MetaModel::worker(WorkerId id) const {
  const auto found = workers_.find(id);
  return found == workers_.end() ? nullptr : &found->second;
}

const std::map<MetaModel::SplitKey, JobSplit>& MetaModel::splits(JobId id) const { return find_or_empty(splits_, id); }

const std::map<uint32_t, std::string>& MetaModel::numbered_splits(ObjectId source) const { return find_or_empty(numbered_splits_, source); }

const MetaModel::Segments& MetaModel::segments(PartialGraphId graph, WorkerId worker) const {
  return find_or_empty(find_or_empty(segments_, graph), worker);
}

Epoch MetaModel::committed(PartialGraphId graph) const { return find_or_empty(committed_, graph).second; }

}  // namespace penstock::meta
