#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/state_store.h"
#include "stream/exchange/channel.h"
#include "stream/exchange/mailbox.h"

namespace penstock::stream {

/// Which channel from another node is wanted.
struct RemoteUpstream {
  std::string endpoint;  // compute address of the node
  WorkerId worker;
  storage::GraphTerm graph;  // of the upstream
  ActorId upstream;
  storage::GraphTerm down_graph;
  ActorId downstream;
  FragmentId edge;  // downstream fragment
  uint32_t link = 0;
  std::vector<data::DataType> types;  // of the columns; another node's bytes are checked against them
};

/// Opens channels from actors on other nodes. Thread-safe.
class RemoteInput {
 public:
  virtual ~RemoteInput() = default;
  /// `kept_back`: of the budget, until the receiver gives it back (`ReceiveWindow`).
  /// The messages come to `mailbox` under `channel`; also why there will be none, if the node cannot be reached or refuses.
  [[nodiscard]] virtual std::unique_ptr<ChannelReceiver> open(const RemoteUpstream& upstream, std::shared_ptr<Mailbox> mailbox,
                                                              uint32_t channel, size_t budget, size_t kept_back = 0) = 0;
};

}  // namespace penstock::stream
