#include "stream/exchange/standby.h"

#include <utility>

namespace penstock::stream {
namespace {

constexpr size_t kWord = 64;

bool test(const absl::InlinedVector<uint64_t, 2>& bits, size_t i) { return (bits[i / kWord] >> (i % kWord) & 1U) != 0; }
void set(absl::InlinedVector<uint64_t, 2>& bits, size_t i) { bits[i / kWord] |= uint64_t{1} << (i % kWord); }

}  // namespace

void Standby::begin(Plan plan) {
  actor_ = plan.actor;
  passer_ = plan.passer;
  clock_ = plan.clock;
  may_pass_ = plan.may_pass;
  passes_ = 0;
  live_ = static_cast<uint32_t>(plan.channels - plan.gone.size());
  epoch_ = {plan.next, {}};
  begin_ = plan.next;
  aligning_ = {};
  gone_.assign((plan.channels + kWord - 1) / kWord, 0);
  for (const uint32_t channel : plan.gone) set(gone_, channel);
  begin_barrier();
}

void Standby::begin_barrier() {
  to_come_ = live_;
  here_ = gone_;
}

Standby::Took Standby::arrive(uint32_t channel, const Barrier& barrier) {
  if (complete() || barrier.epoch.prev != epoch_.prev || test(here_, channel)) return Took::Refused;
  if (to_come_ == live_) {
    if (barrier.epoch.curr <= barrier.epoch.prev) return Took::Refused;
    epoch_ = barrier.epoch;
    kind_ = barrier.kind;
    if (live_ > 1) since_ = clock_->now();
  } else if (barrier.epoch != epoch_ || barrier.kind != kind_) {
    return Took::Refused;
  }
  set(here_, channel);
  if (--to_come_ > 0) return Took::Counted;
  if (passes_ == may_pass_ || !passer_->pass(actor_, epoch_, kind_)) return Took::Complete;
  ++passes_;
  if (live_ > 1) aligning_ += clock_->now() - since_;
  epoch_ = {epoch_.curr, {}};
  begin_barrier();
  return Took::Passed;
}

Standby::Record Standby::end(runtime::TimePoint now) {
  Record record{.passes = std::exchange(passes_, 0), .aligning = aligning_};
  if (record.passes > 0) record.passed = EpochPair{begin_, epoch_.prev};
  if (to_come_ == live_) return record;
  record.arriving = Barrier{epoch_, kind_, nullptr, nullptr};
  for (uint32_t channel = 0; channel < here_.size() * kWord; ++channel) {
    if (test(here_, channel) && !test(gone_, channel)) record.arrived.push_back(channel);
  }
  if (live_ > 1) record.aligning += now - since_;
  return record;
}

std::optional<Standby::Missing> Standby::missing() const {
  if (to_come_ == live_ || complete()) return std::nullopt;
  uint32_t channel = 0;
  while (test(here_, channel)) ++channel;
  return Missing{channel, epoch_.prev, since_};
}

std::optional<Epoch> Standby::passed() const {
  if (passes_ == 0) return std::nullopt;
  return epoch_.prev;
}

}  // namespace penstock::stream
