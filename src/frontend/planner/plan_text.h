#pragma once

#include <span>
#include <string>
#include <vector>

#include "frontend/binder/plan.h"
#include "proto/catalog.pb.h"
#include "proto/stream_plan.pb.h"

/// Pieces of plans as people read them, the same for stream plans and batch plans.
namespace penstock::frontend {

[[nodiscard]] std::string list_text(std::span<const std::string> items);
/// "[a, b]", names by number.
[[nodiscard]] std::string pick_text(std::span<const std::string> names, std::span<const uint32_t> picks);
/// "sum(distinct price) filter(cheap)"
[[nodiscard]] std::string aggregate_text(const logical::AggCall& call, std::span<const std::string> names);
/// "origin = code AND (delay > 5)"; "true" if there is neither.
[[nodiscard]] std::string join_text(const logical::Join& join, std::span<const std::string> left, std::span<const std::string> right);
[[nodiscard]] std::string_view join_name(logical::JoinKind kind);
[[nodiscard]] std::string interval_text(int64_t micros);
[[nodiscard]] std::string window_text(const logical::Window& window, std::span<const std::string> names);

}  // namespace penstock::frontend
