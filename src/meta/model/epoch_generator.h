#pragma once

#include <optional>

#include "common/epoch.h"

namespace penstock::meta {

/// Hands out epochs that never go back and never come twice, over restarts and clocks that step back.
///
/// It hands out epochs only up to a *lease*, a millisecond that is durable before; a restart begins above the lease it finds. So an
/// epoch that was in flight when meta died, of which nothing is written, is not used again.
///
/// Pure: the clock comes with each call, the owner makes leases durable. Milliseconds are since 2021-04-01 UTC, as in `Epoch`.
class EpochGenerator {
 public:
  /// `durable_lease`: what the last meta left, 0 if there was none.
  explicit EpochGenerator(uint64_t durable_lease) : last_(durable_lease), lease_(durable_lease) {}

  /// Greater than every one before, at most one a millisecond; nothing when the lease must be extended first.
  [[nodiscard]] std::optional<Epoch> next(int64_t unix_micros);

  /// Whether `next` would give one.
  [[nodiscard]] bool has_next(int64_t unix_micros) const;

  /// The lease to make durable next: max(now, last lease) + 10 s.
  [[nodiscard]] uint64_t next_lease(int64_t unix_micros) const;
  /// It is durable now.
  void on_leased(uint64_t lease);
  /// Under half of a lease is left.
  [[nodiscard]] bool wants_lease(int64_t unix_micros) const;
  /// The last epoch's millisecond: a lease that a meta which ends in good order may leave, so that the next one need not run ahead.
  [[nodiscard]] uint64_t last() const { return last_; }

 private:
  uint64_t last_;
  uint64_t lease_;
};

}  // namespace penstock::meta
