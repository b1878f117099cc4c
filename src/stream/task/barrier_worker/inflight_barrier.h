#pragma once

#include <absl/container/flat_hash_map.h>

#include <deque>
#include <string>
#include <vector>

#include "data/bitmap.h"
#include "stream/task/barrier_worker/events.h"

namespace penstock::stream {

/// Who is in a partial graph. Each actor has a dense number, so that an epoch's missing actors are a bitmap; numbers are used again once
/// no epoch in flight knows the actor.
class ActorBook {
 public:
  struct Entry {
    ActorId actor;
    FragmentId fragment;
    uint32_t epochs = 0;  // epochs in flight that wait for or waited for it
  };
  /// False if the actor is there already.
  bool add(ActorToBuild actor);
  /// Number of an actor, or nullopt.
  [[nodiscard]] std::optional<uint32_t> find(ActorId actor) const;
  [[nodiscard]] std::vector<ActorToBuild> actors() const;
  [[nodiscard]] const Entry& entry(uint32_t number) const { return entries_[number]; }
  void hold(uint32_t number) { ++entries_[number].epochs; }
  void release(uint32_t number) { --entries_[number].epochs; }
  void remove(uint32_t number);
  [[nodiscard]] size_t capacity() const { return entries_.size(); }
  [[nodiscard]] size_t size() const { return numbers_.size(); }

 private:
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;
  absl::flat_hash_map<ActorId, uint32_t> numbers_;
};

/// One barrier of a partial graph between injection and report:
/// Issued (actors are missing) -> AllCollected -> Syncing (a Checkpoint) -> Complete.
struct InflightBarrier {
  struct Issued {
    data::Bitmap missing;  // by number in the ActorBook
    uint32_t remaining;
  };
  struct AllCollected {};
  struct Syncing {};
  struct Complete {
    std::vector<storage::SegmentInfo> segments;
    runtime::TimePoint at;
  };

  Barrier barrier;
  std::vector<TableId> tables_to_sync;
  std::vector<uint32_t> actors;  // numbers of all actors to collect
  std::variant<Issued, AllCollected, Syncing, Complete> state;
  EpochReport report;
  std::vector<FragmentTiming> fragments;
  runtime::TimePoint injected;
  runtime::TimePoint collected;
  absl::flat_hash_map<FragmentId, uint32_t> places;  // in `fragments`

  /// Collects need not be noted in the order they were made.
  void note_collect(FragmentId fragment, ActorId actor, runtime::TimePoint now);
};

}  // namespace penstock::stream
