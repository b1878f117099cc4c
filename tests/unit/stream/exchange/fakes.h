#pragma once

#include <string>
#include <vector>

#include "data/chunk.h"
#include "stream/exchange/merge.h"
#include "stream/exchange/signal.h"

namespace penstock::stream::testing {

/// Counts why an actor was woken.
class FakeSignal final : public Signal {
 public:
  void wake(Wake why) override { ++(why == Wake::Input ? input : output); }
  int input = 0;
  int output = 0;
};

inline Barrier barrier(uint64_t prev, uint64_t curr, BarrierKind kind = BarrierKind::Barrier) {
  return {{Epoch{prev}, Epoch{curr}}, kind, nullptr};
}

/// `count` inserted rows of one BIGINT column, counting up from `first`.
inline data::StreamChunk rows(int64_t first, size_t count) {
  auto values = std::make_shared<int64_t[]>(count);
  for (size_t i = 0; i < count; ++i) values[i] = first + static_cast<int64_t>(i);
  std::vector<data::Column> columns;
  columns.emplace_back(data::DataType(data::TypeKind::Int64), count, std::shared_ptr<const int64_t[]>(std::move(values)), nullptr);
  return data::DataChunk(std::move(columns), count);
}

/// "+1 +2 -3": ops and first column of the visible rows.
inline std::string brief(const data::StreamChunk& chunk) {
  static constexpr const char* kOps[] = {"", "+", "-", "U-", "U+"};
  std::string out;
  for (size_t row = 0; row < chunk.rows(); ++row) {
    if (!chunk.is_visible(row)) continue;
    out +=
        (out.empty() ? "" : " ") + std::string(kOps[static_cast<int>(chunk.op(row))]) + std::to_string(chunk.column(0).value<int64_t>(row));
  }
  return out;
}

/// What a merge gives next: "-" (nothing now), "0: +1 +2" (input and rows), "barrier 1..2", "error: …".
inline std::string next(Merge& merge) {
  const Result<Merge::Item> item = merge.next();
  if (item.has_error()) return "error: " + item.error().to_string();
  if (const auto* chunk = std::get_if<Merge::Chunk>(&item.value())) return fmt::format("{}: {}", chunk->input, brief(chunk->chunk));
  if (const auto* b = std::get_if<Barrier>(&item.value())) return fmt::format("barrier {}..{}", b->epoch.prev, b->epoch.curr);
  return "-";
}

/// As `try_send`, for temporaries: "sent", "full", "error: …".
inline std::string send(ChannelSender& sender, Message message) {
  const Result<bool> sent = sender.try_send(message);
  if (sent.has_error()) return "error: " + sent.error().to_string();
  return sent.value() ? "sent" : "full";
}

}  // namespace penstock::stream::testing
