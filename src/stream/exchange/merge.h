#pragma once

#include <absl/container/flat_hash_set.h>

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "stream/exchange/channel.h"
#include "stream/exchange/fifo.h"
#include "stream/exchange/mailbox.h"
#include "stream/exchange/receive_window.h"
#include "stream/pace.h"

namespace penstock::stream {

/// Joins all upstream channels of one actor, of every link it reads: one mailbox, one alignment.
///
/// Guarantees
///  - messages of one channel come in order; channels that have something take turns, a chunk each;
///  - a channel on which the barrier has arrived is not read until all have it and `pass_barrier` was called;
///  - all channels bring the same barriers in the same order, beginning with one; else `Protocol`, naming both;
///  - the end of a channel is an error (with the sender's reason), once everything before it was read; an upstream that has ended for good
///    is taken away first (`remove_upstreams`).
///
/// Built on one thread, then owned by the actor.
class Merge {
 public:
  struct Upstream {
    ActorId actor;
    FragmentId fragment;
    uint32_t input = 0;  // which leaf of the actor it feeds; whatever the owner wants it to mean
  };
  struct Chunk {
    uint32_t input;
    data::StreamChunk chunk;
  };
  /// Nothing now; a chunk; or the barrier that has arrived everywhere (without mutation).
  using Item = std::variant<std::monostate, Chunk, Barrier>;

  explicit Merge(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}
  ~Merge();
  Merge(const Merge&) = delete;
  Merge& operator=(const Merge&) = delete;

  /// So many channels are to come.
  void reserve(size_t channels) { channels_.reserve(channels); }
  /// Announces a channel and gives it the number under which it must deliver to `mailbox()`.
  [[nodiscard]] uint32_t add_channel(Upstream upstream);
  void set_receiver(uint32_t channel, std::unique_ptr<ChannelReceiver> receiver);
  /// Each channel has a window over its budget, kept by this clock and horizon. Before any channel.
  void set_pace(const runtime::Runtime& clock, std::shared_ptr<const Pace> pace, size_t budget, size_t fan_in);
  /// Windows close to what they were at first: what rows cost is about to change.
  void begin_windows_anew();
  [[nodiscard]] const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }

  [[nodiscard]] bool has_channels() const { return live_ > 0; }
  [[nodiscard]] Result<Item> next();
  /// The actor has passed the barrier that `next` gave: the channels are read again.
  void pass_barrier();
  /// The owner goes to sleep after `next` gave nothing: from now on barriers are counted in the mailbox, from the one that ends `next` on.
  /// False: there is more, or a barrier is being aligned already. Only when each channel has brought a barrier.
  [[nodiscard]] bool stand_by(ActorId owner, Epoch next, BarrierPasser* passer, uint32_t may_pass, const runtime::Runtime& clock);
  /// The owner is awake, and goes on from what was counted. After `stand_by`, before anything else.
  [[nodiscard]] Standby::Record resume(runtime::TimePoint now);
  /// The channels from these actors go, whatever is in them. Not while a barrier is being aligned.
  void remove_upstreams(const absl::flat_hash_set<ActorId>& upstreams);

  /// While a barrier is awaited: one that has not brought it. Otherwise nothing.
  [[nodiscard]] const Upstream* missing() const;
  /// Of the barrier that has arrived on some channel.
  [[nodiscard]] const std::optional<Barrier>& arriving() const { return barrier_; }

 private:
  struct Channel {
    Upstream upstream;
    bool blocked = false;  // the barrier is here
    bool queued = false;   // in `ready_`
    bool begun = false;    // its first barrier was seen
    bool removed = false;
    std::unique_ptr<ChannelReceiver> receiver;
    std::unique_ptr<ReceiveWindow> window;  // from its first chunk on, if it has one: most channels of an idle job never need it
    Fifo<Mailbox::Delivery> backlog;
  };

  [[nodiscard]] Status sort_in();
  [[nodiscard]] Status arrive(uint32_t number, const Barrier& barrier);
  [[nodiscard]] Result<Item> take(uint32_t number, Mailbox::Delivery delivery);
  [[nodiscard]] ReceiveWindow& window(Channel& channel);
  void release(Channel& channel, const Mailbox::Delivery& delivery);
  /// A clock for windows, which stands still while the actor waits for input.
  [[nodiscard]] runtime::TimePoint busy_time();
  void note_dry();
  void enqueue(uint32_t number);

  const runtime::Runtime* clock_ = nullptr;      // null: no windows
  std::optional<runtime::TimePoint> dry_since_;  // `next` gave nothing
  runtime::Duration waited_{};                   // so long, up to the last chunk
  std::shared_ptr<const Pace> pace_;             // shared with the graph's other actors and its barrier manager
  const std::shared_ptr<Mailbox> mailbox_;       // shared with the senders
  std::vector<Channel> channels_;                // by number; numbers are never used again
  uint32_t budget_ = 0;                          // of each channel, for its window
  uint32_t fan_in_ = 0;                          // likewise
  bool windows_begin_anew_ = false;              // those that are not there yet, too
  bool given_ = false;                           // `next` gave the barrier, `pass_barrier` is due
  uint32_t first_arrived_ = 0;                   // who brought the barrier first, for errors
  size_t live_ = 0;                              // channels not removed
  size_t arrived_ = 0;                           // of them, blocked
  std::optional<Barrier> barrier_;               // arrived somewhere
  std::vector<Mailbox::Delivery> batch_;         // memory of the last batch
  Fifo<uint32_t> ready_;                         // channels with a backlog, in turn; some may have been blocked meanwhile
  mutable size_t missing_hint_ = 0;              // all before it have the barrier
};

}  // namespace penstock::stream
