#pragma once

#include <memory>
#include <string>

#include "stream/exchange/channel.h"
#include "stream/exchange/mailbox.h"

namespace penstock::stream {

/// The two ends of a channel within this process. Chunks are handed over by their shared buffers, nothing is copied.
struct LocalChannel {
  std::unique_ptr<ChannelSender> sender;
  std::unique_ptr<ChannelReceiver> receiver;
};

/// `channel`: the number under which `mailbox` gets the messages. `upstream`, `downstream`: who they are ("actor 7"), for errors.
/// `kept_back`: of the budget, until the receiver gives it back (`ReceiveWindow`).
[[nodiscard]] LocalChannel make_local_channel(std::shared_ptr<Mailbox> mailbox, uint32_t channel, size_t budget, ActorId upstream,
                                              ActorId downstream, size_t kept_back = 0);

}  // namespace penstock::stream
