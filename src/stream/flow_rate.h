#pragma once

#include <cmath>

#include "runtime/runtime.h"

namespace penstock::stream {

/// How much passes, as a mean over about `memory` of the past, in which what was longer ago weighs less; nothing passed before it began.
/// Pure; one owner.
class FlowRate {
 public:
  void add(double amount) { level_ += amount; }
  void pass(runtime::Duration time, runtime::Duration memory) {
    level_ *= std::exp(-static_cast<double>(time.count()) / static_cast<double>(memory.count()));
  }
  [[nodiscard]] double within(runtime::Duration time, runtime::Duration memory) const {
    return level_ * static_cast<double>(time.count()) / static_cast<double>(memory.count());
  }

 private:
  double level_ = 0;
};

}  // namespace penstock::stream
