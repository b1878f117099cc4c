#pragma once

#include <cstdint>

namespace penstock::stream {

/// Why an actor is woken. Bits, because several reasons may have piled up by the time it runs.
enum class Wake : uint32_t {
  Input = 1,       // its mailbox is no longer empty
  Output = 2,      // an output that had no budget has some, or its receiver is gone
  Barrier = 4,     // its barrier subscription is no longer empty
  Generator = 8,   // a generator may have rows
  Control = 16,    // an output was attached, or the actor must end
  StateRead = 32,  // the rows an operator asked for are in
};

/// How everyone else gets an actor's attention. Thread-safe, cheap when the actor is awake already, and harmless when it is gone.
class Signal {
 public:
  virtual ~Signal() = default;
  virtual void wake(Wake why) = 0;
};

}  // namespace penstock::stream
