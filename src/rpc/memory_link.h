#pragma once

#include <deque>
#include <variant>

#include "rpc/inbox.h"
#include "rpc/memory_hub.h"

namespace penstock::rpc {

/// One stream of a `MemoryNetwork`: two inboxes, and for each a lane in which what is sent to it travels while the network has faults.
/// Thread-safe. Shared by the streams at both ends and by the jobs that move its lanes.
class MemoryLink : public std::enable_shared_from_this<MemoryLink> {
 public:
  enum Side : uint8_t { Client = 0, Server = 1 };
  enum class Kind : uint8_t { Stream, Call };

  MemoryLink(std::shared_ptr<MemoryHub> hub, MemoryNodeRef client, std::string address, std::string method, Kind kind);
  MemoryLink(const MemoryLink&) = delete;
  MemoryLink& operator=(const MemoryLink&) = delete;
  ~MemoryLink();

  /// Sends the request to open; returns the client's end.
  [[nodiscard]] std::shared_ptr<Stream> open(runtime::Executor& executor, StreamEvents events);

  bool send(Side from, Bytes message);
  void close(Side from, const Status& own, const Status& told);
  [[nodiscard]] size_t queued_bytes(Side from) const;
  [[nodiscard]] std::string peer_of(Side side) const;

  // Faults.
  /// Goes on after a partition.
  void resume();
  void break_between(const std::string& a, const std::string& b);
  /// Ends silently at the dead node's side.
  void bury(const MemoryNode& dead);
  void end_of_listener(uint64_t listener);
  void discard();

  uint64_t id = 0;  // given by the hub

 private:
  struct Open {};
  using Parcel = std::variant<Open, Bytes, Status>;
  struct Lane {
    std::deque<std::pair<runtime::TimePoint, Parcel>> parcels;  // with their times of arrival, which never decrease
    size_t bytes = 0;
    bool moving = false;  // a job is on its way
    bool held = false;    // by a partition

    void clear() {
      parcels.clear();
      bytes = 0;
    }
  };

  void send_parcel(Side to, Parcel parcel);
  void schedule(Side to, runtime::Duration delay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void move_lane(Side to);
  /// The next parcel that has arrived, if it may pass.
  [[nodiscard]] std::optional<Parcel> take_arrived(Side to);
  [[nodiscard]] bool cut_off() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void arrive(Side to, Parcel parcel);
  void accept();
  void give_up_connecting();
  void bury_side(Side dead, bool tell);
  [[nodiscard]] bool is_between(const std::string& a, const std::string& b) const;

  const std::shared_ptr<MemoryHub> hub_;
  const MemoryNodeRef client_;
  const std::string address_;
  const std::string method_;
  const Kind kind_;
  const std::array<std::shared_ptr<Inbox>, 2> inboxes_;  // by side; shared with the jobs that drain them

  mutable Mutex mutex_;
  std::array<Lane, 2> lanes_ ABSL_GUARDED_BY(mutex_);  // by the side they lead to
  MemoryNodeRef server_ ABSL_GUARDED_BY(mutex_);       // null until accepted
  uint64_t listener_ ABSL_GUARDED_BY(mutex_) = 0;      // id of it
  runtime::Timer connect_timer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::rpc
