#pragma once

#include "stream/exchange/outputs.h"

namespace penstock::stream {

/// A request for the output of an actor of this node.
struct OutputRequest {
  storage::GraphTerm graph;  // of the upstream
  ActorId upstream;
  AttachedOutput output;
};

/// Where requests for outputs go, from actors of this node and of others. Thread-safe.
class OutputHub {
 public:
  virtual ~OutputHub() = default;
  /// The output is connected now or when its actor comes; when that will never be, the channel is closed with the reason.
  virtual void connect(OutputRequest request) = 0;
};

}  // namespace penstock::stream
