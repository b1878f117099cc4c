#pragma once

#include <span>
#include <vector>

#include "common/error.h"
#include "common/ids.h"
#include "storage/state_store.h"

namespace penstock::stream {

/// Who holds rows of transactions until a barrier names them; the barrier worker's view of DmlManager. Thread-safe, never blocks for long.
class TransactionHolder {
 public:
  virtual ~TransactionHolder() = default;
  /// The barrier that ends `prev` is about to be sent to the actors: rows of `commit` become part of `prev`, in every actor that holds
  /// some; those of `abort` are dropped. Errors: `Protocol` if one of `commit` is not held here; nothing of it may become visible then, so
  /// the graph has failed.
  virtual Status resolve(storage::GraphTerm graph, Epoch prev, std::span<const TransactionId> commit,
                         std::span<const TransactionId> abort) = 0;
  /// Those that wait to be named.
  [[nodiscard]] virtual std::vector<TransactionId> held(storage::GraphTerm graph) const = 0;
};

}  // namespace penstock::stream
