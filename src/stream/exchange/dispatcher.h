#pragma once

#include <memory>
#include <vector>

#include "storage/state_store.h"
#include "stream/exchange/hash_split.h"
#include "stream/exchange/output_port.h"

namespace penstock::pb {
class Dispatcher;
}

namespace penstock::stream {

/// One edge from an actor to a downstream fragment: which rows and columns of its output go to which of the fragment's actors.
/// Owned by the actor's outputs; one caller at a time.
class Dispatcher {
 public:
  /// `width`: columns of the actor's output. `own`: the actor's graph; the edge into another one is soft.
  /// Errors: `Protocol` when the description makes no sense.
  [[nodiscard]] static Result<Dispatcher> make(const pb::Dispatcher& description, size_t width, storage::GraphTerm own);

  [[nodiscard]] FragmentId downstream() const { return downstream_; }
  [[nodiscard]] std::vector<std::unique_ptr<OutputPort>>& ports() { return ports_; }
  [[nodiscard]] const std::vector<std::unique_ptr<OutputPort>>& ports() const { return ports_; }

  /// Perhaps to other actors.
  [[nodiscard]] bool same_edge(const Dispatcher& other) const {
    return downstream_ == other.downstream_ && ports_.front()->link() == other.ports_.front()->link();
  }

  [[nodiscard]] Status dispatch(const data::StreamChunk& chunk);

 private:
  Dispatcher() = default;

  FragmentId downstream_;
  std::vector<uint32_t> columns_;  // sent; empty together with `all_columns_`: all of them
  bool all_columns_ = false;
  std::unique_ptr<HashSplit> hash_;  // of a hash edge to more than one actor; otherwise every port gets everything
  std::vector<std::unique_ptr<OutputPort>> ports_;
};

}  // namespace penstock::stream
