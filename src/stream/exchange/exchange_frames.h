#pragma once

#include <span>
#include <string>

#include "storage/state_store.h"
#include "stream/message.h"

namespace penstock::pb {
class Barrier;
class GraphId;
}  // namespace penstock::pb

/// Frames of the exchange stream (proto/compute_service.proto), as bytes.
namespace penstock::stream {

constexpr uint32_t kExchangeVersion = 1;
constexpr std::string_view kExchangeMethod = "/penstock.Compute/Exchange";

[[nodiscard]] std::string open_frame(std::string_view node);
[[nodiscard]] std::string data_frame(uint32_t channel, std::string chunk);
[[nodiscard]] std::string barrier_frame(std::span<const uint32_t> channels, const Barrier& barrier);
[[nodiscard]] std::string credit_frame(uint32_t channel, size_t rows);
[[nodiscard]] std::string closed_frame(uint32_t channel, const Error& reason);
[[nodiscard]] std::string ping_frame();

[[nodiscard]] storage::GraphTerm graph_of(const pb::GraphId& graph);
/// Errors: `Protocol`.
[[nodiscard]] Result<Barrier> barrier_of(const pb::Barrier& barrier);

/// What an encoded chunk weighs against the channel's budget: the same on both sides, because both have the bytes.
[[nodiscard]] size_t encoded_weight(size_t rows, size_t bytes);

}  // namespace penstock::stream
