#include "meta/barrier/transactions.h"

#include <algorithm>

namespace penstock::meta {

void Transactions::want(TransactionWanted wanted, std::vector<TransactionDecided>& decided) {
  if (dead_.contains(wanted.transaction)) return decided.push_back({wanted.transaction, TransactionDecided::Verdict::Gone, {}});
  for (auto& [worker, held] : unclaimed_) held.erase(wanted.transaction);
  wanted_.push_back(std::move(wanted));
}

void Transactions::give_up(TransactionId transaction, std::vector<TransactionDecided>& decided) {
  if (named_.contains(transaction)) return;
  if (std::erase_if(wanted_, [&](const TransactionWanted& w) { return w.transaction == transaction; }) > 0) {
    decided.push_back({transaction, TransactionDecided::Verdict::Gone, {}});
  }
  to_abort_.insert(transaction);
}

void Transactions::on_held(Now now, WorkerId worker, const std::vector<TransactionId>& held) {
  std::map<TransactionId, runtime::TimePoint> since;
  const auto& before = unclaimed_[worker];
  for (const TransactionId transaction : held) {
    const bool asked_for = std::ranges::find(wanted_, transaction, &TransactionWanted::transaction) != wanted_.end();
    if (asked_for || named_.contains(transaction)) continue;
    const auto known = before.find(transaction);
    since[transaction] = known == before.end() ? now.mono : known->second;
  }
  unclaimed_[worker] = std::move(since);
}

void Transactions::on_committed(Epoch epoch, const std::set<TableId>& tables) {
  for (const TableId table : tables) tables_[table].changed = std::max(tables_[table].changed, epoch);
  std::erase_if(named_, [&](const auto& named) { return named.second <= epoch; });
}

Transactions::Choice Transactions::choose(Now now, Epoch prev, const std::set<WorkerId>& members, const Runs& runs) {
  Choice choice;
  drop_unclaimed(now);
  std::deque<TransactionWanted> waiting;
  for (TransactionWanted& wanted : std::exchange(wanted_, {})) {
    const bool alive = std::ranges::all_of(wanted.participants, runs);
    const Judgement judgement = alive ? judge(wanted, prev) : Judgement::Conflict;
    if (judgement == Judgement::Wait) {
      waiting.push_back(std::move(wanted));
    } else if (judgement == Judgement::Conflict) {
      to_abort_.insert(wanted.transaction);
      choice.decided.push_back({wanted.transaction, alive ? TransactionDecided::Verdict::Conflict : TransactionDecided::Verdict::Gone, {}});
    } else {
      remember(wanted, prev);
      named_[wanted.transaction] = prev;
      std::set<WorkerId> workers;
      for (const auto& participant : wanted.participants) workers.insert(participant.worker);
      for (const WorkerId worker : workers) choice.of_worker[worker].commit.push_back(wanted.transaction);
      choice.decided.push_back({wanted.transaction, TransactionDecided::Verdict::Named, prev});
    }
  }
  wanted_ = std::move(waiting);
  if (!to_abort_.empty()) {
    for (const WorkerId worker : members) choice.of_worker[worker].abort.assign(to_abort_.begin(), to_abort_.end());
  }
  to_abort_.clear();
  forget_old();
  return choice;
}

void Transactions::drop_unclaimed(Now now) {
  for (auto& [worker, held] : unclaimed_) {
    std::erase_if(held, [&](const auto& entry) {
      if (now.mono - entry.second < options_.unclaimed_after) return false;
      to_abort_.insert(entry.first);
      dead_.insert(entry.first);
      return true;
    });
  }
}

bool Transactions::changed_since(const TransactionWanted::Writes& writes, Epoch epoch) const {
  if (known_from_ > epoch) return true;
  const auto found = tables_.find(writes.table);
  if (found == tables_.end()) return false;
  const Table& table = found->second;
  if (writes.whole_table) return table.changed > epoch;
  if (table.changed_whole > epoch) return true;
  return std::ranges::any_of(writes.keys, [&](uint64_t key) {
    const auto changed = table.keys.find(key);
    return changed != table.keys.end() && changed->second > epoch;
  });
}

// `prev` is above every epoch that was named for or read before, so "changed after the one below it" is "changed in this Checkpoint".
Transactions::Judgement Transactions::judge(const TransactionWanted& wanted, Epoch prev) const {
  for (const auto& writes : wanted.writes) {
    if (writes.read && changed_since(writes, wanted.read_epoch)) return Judgement::Conflict;
  }
  const bool meets_another = std::ranges::any_of(wanted.writes, [&](const auto& writes) {
    const auto found = tables_.find(writes.table);
    if (found == tables_.end()) return false;
    const Table& table = found->second;
    const auto in_this = [&](Epoch changed) { return changed >= prev; };
    if (in_this(table.changed_whole) || (writes.whole_table && in_this(table.changed))) return true;
    return std::ranges::any_of(writes.keys, [&](uint64_t key) {
      const auto changed = table.keys.find(key);
      return changed != table.keys.end() && in_this(changed->second);
    });
  });
  return meets_another ? Judgement::Wait : Judgement::Name;
}

void Transactions::remember(const TransactionWanted& wanted, Epoch epoch) {
  for (const auto& writes : wanted.writes) {
    Table& table = tables_[writes.table];
    table.changed = epoch;
    if (writes.whole_table && writes.keys.empty()) table.changed_whole = epoch;
    for (const uint64_t key : writes.keys) {
      table.keys[key] = epoch;
      order_.push_back({epoch, writes.table, key});
    }
  }
}

// A change that is forgotten counts as one of the whole table, so that nobody who read before it gets through.
void Transactions::forget_old() {
  while (order_.size() > options_.most_keys) {
    const Remembered& oldest = order_.front();
    Table& table = tables_[oldest.table];
    const auto known = table.keys.find(oldest.key);
    if (known != table.keys.end() && known->second == oldest.epoch) {
      table.keys.erase(known);
      table.changed_whole = std::max(table.changed_whole, oldest.epoch);
    }
    order_.pop_front();
  }
}

void Transactions::end_term(std::vector<TransactionDecided>& decided) {
  for (const TransactionWanted& wanted : std::exchange(wanted_, {}))
    decided.push_back({wanted.transaction, TransactionDecided::Verdict::Gone, {}});
  named_.clear();
  to_abort_.clear();
  dead_.clear();
  unclaimed_.clear();
}

}  // namespace penstock::meta
