#pragma once

#include <optional>

#include "common/ids.h"
#include "meta/model/types.h"

namespace penstock::meta {

/// Terms and actor ids of a running meta. A term is the leader's term and a count, so it is unique without being written; actor ids come
/// from a durable lease (`Counter::ActorLimit`) and a restart begins above it. Pure; one owner.
class IdAllocator {
 public:
  IdAllocator(LeaderTerm leader, uint32_t actor_limit) : leader_(leader), next_actor_(actor_limit), actor_limit_(actor_limit) {}

  [[nodiscard]] Term next_term() { return Term{leader_.value << 32 | ++terms_}; }

  /// The first of `count` ids in a row; nothing when the lease is used up.
  [[nodiscard]] std::optional<ActorId> next_actors(uint32_t count) {
    if (actor_limit_ - next_actor_ < count) return std::nullopt;
    const ActorId first{next_actor_};
    next_actor_ += count;
    return first;
  }
  [[nodiscard]] bool wants_actors() const { return actor_limit_ - next_actor_ < kActorLease / 2; }
  /// The limit to make durable next, so that `count` more are there.
  [[nodiscard]] uint32_t next_actor_limit(uint32_t count) const { return next_actor_ + count + kActorLease; }
  void on_leased(uint32_t actor_limit) { actor_limit_ = std::max(actor_limit_, actor_limit); }

 private:
  static constexpr uint32_t kActorLease = 4096;

  LeaderTerm leader_;
  uint64_t terms_ = 0;
  uint32_t next_actor_;
  uint32_t actor_limit_;
};

}  // namespace penstock::meta
