#include "stream/task/barrier_worker/vnode_ownership.h"

#include <algorithm>
#include <set>

namespace penstock::stream {

void VnodeOwnership::assign(PartialGraphId graph, Epoch committed, std::span<const OwnedVnodes> owned, runtime::TimePoint now) {
  MutexLock lock(mutex_);
  const auto stopped = stopped_.find(graph);
  const Epoch last = stopped == stopped_.end() ? committed : stopped->second;
  std::set<TableId> tables;
  for (const OwnedVnodes& of_fragment : owned) {
    for (const TableId table : of_fragment.tables) {
      tables.insert(table);
      const auto [at, is_new] = tables_.try_emplace({graph, table});
      OfTable& vnodes = at->second;
      vnodes.resize(of_fragment.vnodes.size());
      for (uint32_t v = 0; v < vnodes.size(); ++v) {
        const bool now_owned = of_fragment.vnodes.contains(static_cast<VNode>(v));
        OfVnode& vnode = vnodes[v];
        if (now_owned && !vnode.owned) {
          vnode = {true, is_new ? Epoch{0} : committed, std::nullopt};
        } else if (!now_owned && vnode.owned) {
          vnode = {false, Epoch{0}, std::pair(last, now)};
        }
      }
    }
  }
  std::erase_if(tables_, [&](const auto& known) { return known.first.first == graph && !tables.contains(known.first.second); });
}

void VnodeOwnership::expect(PartialGraphId graph, std::span<const TableId> tables, const VNodeBitmap& vnodes) {
  MutexLock lock(mutex_);
  for (const TableId table : tables) {
    OfTable& of_table = tables_[{graph, table}];
    if (of_table.empty()) of_table.resize(vnodes.size(), OfVnode{true, Epoch{0}, std::nullopt});
    for (const VNode v : vnodes.list()) {
      if (v < of_table.size()) of_table[v] = OfVnode{};
    }
  }
}

void VnodeOwnership::stopped(PartialGraphId graph, Epoch committed) {
  MutexLock lock(mutex_);
  stopped_[graph] = committed;
}

void VnodeOwnership::removed(PartialGraphId graph) {
  MutexLock lock(mutex_);
  stopped_.erase(graph);
  for (auto& [at, vnodes] : tables_) {
    if (at.first == graph) std::ranges::fill(vnodes, OfVnode{});
  }
}

VnodeOwnership::Answer VnodeOwnership::may_read(PartialGraphId graph, TableId table, const VNodeBitmap& vnodes, Epoch epoch,
                                                runtime::TimePoint now) const {
  MutexLock lock(mutex_);
  const auto found = tables_.find({graph, table});
  if (found == tables_.end()) return Answer::Yes;
  Answer answer = Answer::Yes;
  for (const VNode v : vnodes.list()) {
    if (v >= found->second.size()) return Answer::Never;
    const OfVnode& vnode = found->second[v];
    if (vnode.owned) {
      if (epoch < vnode.since) return Answer::Never;
    } else if (vnode.until) {
      if (epoch > vnode.until->first || now - vnode.until->second >= kGrace) return Answer::Never;
    } else {
      answer = Answer::NotYet;
    }
  }
  return answer;
}

}  // namespace penstock::stream
