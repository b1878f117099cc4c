#pragma once

#include <cstdint>

/// pg_sleep: an expression cannot wait, because whoever evaluates it may be one of few threads that run everything. It notes how long it
/// would have waited, for its thread, and whoever called for it waits in a way of its own: an actor gives its thread back until then, a
/// session waits where it can be cancelled.
namespace penstock::expr {

/// Adds to what this thread owes; at most a day a call, and what is not a positive number is nothing.
void owe_pause(double seconds);
/// Nanoseconds that are owed; nothing is owed afterwards.
[[nodiscard]] int64_t take_owed_pause();

}  // namespace penstock::expr
