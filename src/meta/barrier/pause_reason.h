#pragma once

#include <cstdint>

namespace penstock::meta {

/// Why all of a database's sources and backfill are held. They go on when no reason is left; each comes and goes by itself.
enum class PauseReason : uint8_t {
  User,  // said so; durable
};

}  // namespace penstock::meta
