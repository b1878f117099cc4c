#pragma once

#include "stream/executor/actor_context.h"
#include "stream/executor/operator.h"

namespace penstock::stream {

/// The ingress of INSERT, UPDATE and DELETE on one table: hands out the batches that were accepted, in order, and says which epoch holds
/// each. What was accepted before a barrier was injected comes before that barrier, also while sources are paused.
class DmlOperator final : public Operator, public Generator {
 public:
  DmlOperator(ObjectId table, std::vector<data::DataType> types, const ActorContext& context);

  Status init(EpochPair first) override;
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override;
  Result<Step> on_barrier(const Barrier& /*barrier*/, Output& /*out*/) override { return Step::Done; }
  Result<Step> after_barrier(const Barrier& barrier, Output& out) override;
  Generator* generator() override { return this; }

  Result<Poll> poll(Output& out) override;
  Status before_barrier(Output& out) override;

 private:
  void drain(Output& out);
  [[nodiscard]] bool fits(const data::StreamChunk& chunk) const;

  const ObjectId table_;
  const std::vector<data::DataType> types_;
  const ActorId actor_;
  DmlRegistry& registry_;
  const std::function<void()> wake_;
  std::unique_ptr<DmlQueue> queue_;  // from init on
  std::optional<Epoch> epoch_;       // that rows handed out now belong to; none before the first barrier
};

}  // namespace penstock::stream
