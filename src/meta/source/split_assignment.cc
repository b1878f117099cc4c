#include "meta/source/split_assignment.h"

#include "meta/model/rows.h"

namespace penstock::meta {
namespace {

/// Numbers of the listed splits; new ones get the next free number and a row.
std::vector<std::pair<uint32_t, const ListedSplit*>> number_splits(const MetaModel& model, ObjectId source,
                                                                   const std::vector<ListedSplit>& listed, Txn& txn) {
  const auto& known = model.numbered_splits(source);
  std::map<std::string_view, uint32_t> by_id;
  for (const auto& [number, id] : known) by_id.emplace(id, number);
  uint32_t next = known.empty() ? 0 : known.rbegin()->first + 1;
  std::vector<std::pair<uint32_t, const ListedSplit*>> out;
  for (const ListedSplit& split : listed) {
    const auto [found, is_new] = by_id.emplace(split.id, next);
    if (is_new) rows::put_numbered_split(txn, source, next++, split.id);
    out.emplace_back(found->second, &split);
  }
  return out;
}

void put_start(Txn& txn, JobId job, ObjectId source, uint32_t number, const ListedSplit& listed) {
  JobSplit split;
  split.split.set_id(listed.id);
  split.split.set_number(number);
  split.split.set_identity(listed.identity);
  rows::put_split(txn, job, source, split);
}

}  // namespace

std::map<uint32_t, ActorId> assign_splits(const std::map<MetaModel::SplitKey, JobSplit>& splits, ObjectId source,
                                          const std::vector<ActorPlacement>& actors) {
  std::map<uint32_t, ActorId> changed;
  if (actors.empty()) return changed;
  std::vector<size_t> load(actors.size(), 0);
  const auto index_of = [&](ActorId actor) {
    return static_cast<size_t>(std::ranges::find(actors, actor, &ActorPlacement::actor) - actors.begin());
  };
  for (const auto& [key, split] : splits) {
    const size_t at = index_of(split.actor);
    if (key.first == source && at < actors.size() && !split.split.finished()) ++load[at];
  }
  for (const auto& [key, split] : splits) {
    if (key.first != source || index_of(split.actor) < actors.size()) continue;
    const auto least = static_cast<size_t>(std::ranges::min_element(load) - load.begin());
    changed[key.second] = actors[least].actor;
    if (!split.split.finished()) ++load[least];
  }
  return changed;
}

Txn adopt_listing(const MetaModel& model, ObjectId source, const std::vector<ListedSplit>& listed) {
  Txn txn;
  const auto numbered = number_splits(model, source, listed, txn);
  for (const auto& [id, plan] : model.jobs()) {
    if (!plan->reads(source)) continue;
    for (const auto& [number, split] : numbered) {
      if (!model.splits(id).contains({source, number})) put_start(txn, id, source, number, *split);
    }
  }
  return txn;
}

Txn first_listing(const MetaModel& model, JobId job, ObjectId source, const std::vector<ListedSplit>& listed) {
  Txn txn;
  for (const auto& [number, split] : number_splits(model, source, listed, txn)) put_start(txn, job, source, number, *split);
  return txn;
}

}  // namespace penstock::meta
