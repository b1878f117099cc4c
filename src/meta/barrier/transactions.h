#pragma once

#include <absl/container/flat_hash_map.h>

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "common/epoch.h"
#include "common/error.h"
#include "meta/model/types.h"

namespace penstock::meta {

/// A transaction whose rows DML actors hold; its frontend asks for the commit.
struct TransactionWanted {
  struct Participant {
    GraphTerm graph;
    WorkerId worker;
    ActorId actor;
  };
  /// What it changes of one table; see pb::TransactionWrites.
  struct Writes {
    TableId table;
    bool read = false;
    bool whole_table = false;
    std::vector<uint64_t> keys;
  };
  TransactionId transaction;
  std::vector<Participant> participants;
  Epoch read_epoch;
  std::vector<Writes> writes;
};
/// Its frontend gives it up before it asked.
struct TransactionGivenUp {
  TransactionId transaction;
};
/// What becomes of a transaction that was asked for: part of an epoch of a term, or nothing of it is applied.
struct TransactionDecided {
  enum class Verdict { Named, Conflict, Gone };
  TransactionId transaction;
  Verdict verdict;
  Epoch epoch;  // Named: its rows are part of
};

/// Which transactions the next Checkpoint of a database names, and which have come to nothing: first committer wins.
///
/// Guarantees
///  - every transaction asked for is decided once: named by one Checkpoint, to all its participants, or refused;
///  - one is named only while every actor that holds rows of it runs, in this term;
///  - rows that follow from what was read are named only if they (or with `whole_table` the table) were not changed after the epoch that
///  was
///    read: neither by a commit nor by a transaction named since. What is not known any more counts as changed;
///  - two transactions of one Checkpoint change no row in common: a blind one waits for the next, one that has read is refused;
///  - rows held that nobody asks for are dropped after a while (`unclaimed_after`), and cannot be asked for afterwards.
///
/// Pure; owned by the database's `CheckpointControl`. Memory: `most_keys` remembered changes.
class Transactions {
 public:
  struct Options {
    runtime::Duration unclaimed_after = std::chrono::seconds(60);  // longer than a frontend waits for those who are to hold
    size_t most_keys = 1 << 20;
  };
  /// `known_from`: nothing is known of changes before, or in, the epochs up to it.
  Transactions(Options options, Epoch known_from) : options_(options), known_from_(known_from) {}

  struct Lists {
    std::vector<TransactionId> commit;
    std::vector<TransactionId> abort;
  };
  struct Choice {
    std::map<WorkerId, Lists> of_worker;
    std::vector<TransactionDecided> decided;
  };
  using Runs = std::function<bool(const TransactionWanted::Participant&)>;

  void want(TransactionWanted wanted, std::vector<TransactionDecided>& decided);
  void give_up(TransactionId transaction, std::vector<TransactionDecided>& decided);
  /// What a node said it holds when it completed a Checkpoint.
  void on_held(Now now, WorkerId worker, const std::vector<TransactionId>& held);
  /// The Checkpoint that ended `epoch` has committed with changes of `tables`.
  void on_committed(Epoch epoch, const std::set<TableId>& tables);
  /// A Checkpoint that ends `prev` is about to be sent to `members`. `runs`: the participant's actor is among those that will see it.
  [[nodiscard]] Choice choose(Now now, Epoch prev, const std::set<WorkerId>& members, const Runs& runs);
  /// Whatever was held is gone.
  void end_term(std::vector<TransactionDecided>& decided);

  /// Some wait for a Checkpoint.
  [[nodiscard]] bool waiting() const { return !wanted_.empty(); }
  [[nodiscard]] size_t remembered() const { return order_.size(); }

 private:
  /// Changes of one table since `known_from_`.
  struct Table {
    Epoch changed;        // last, in whatever way
    Epoch changed_whole;  // last time that many rows at once were, or that a change was forgotten
    absl::flat_hash_map<uint64_t, Epoch> keys;
  };
  enum class Judgement { Name, Wait, Conflict };

  [[nodiscard]] Judgement judge(const TransactionWanted& wanted, Epoch prev) const;
  [[nodiscard]] bool changed_since(const TransactionWanted::Writes& writes, Epoch epoch) const;
  void remember(const TransactionWanted& wanted, Epoch epoch);
  void forget_old();
  void drop_unclaimed(Now now);

  const Options options_;
  const Epoch known_from_;
  std::deque<TransactionWanted> wanted_;  // in order of arrival
  absl::flat_hash_map<TableId, Table> tables_;
  struct Remembered {
    Epoch epoch;
    TableId table;
    uint64_t key;
  };
  std::deque<Remembered> order_;                                               // keys of tables_, oldest first
  std::map<TransactionId, Epoch> named_;                                       // and not committed yet
  std::set<TransactionId> to_abort_;                                           // with the next Checkpoint
  std::set<TransactionId> dead_;                                               // nobody asked for them in time: never to be named
  std::map<WorkerId, std::map<TransactionId, runtime::TimePoint>> unclaimed_;  // since when a node has said so
};

}  // namespace penstock::meta
