#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace penstock::runtime {

/// Handing work to a sleeping thread costs some 50 µs, so a thread that ran out of work looks for more this long first.
inline constexpr std::chrono::nanoseconds kSpinTime = std::chrono::microseconds(10);

/// Calls `found` until it says yes or `kSpinTime` is over, less and less often, so that whoever posts at this moment is not
/// disturbed for each job but for a batch. On a machine with one core: once.
template <typename Found>
[[nodiscard]] bool spin_for(Found&& found) {
  static const bool one_core = std::thread::hardware_concurrency() < 2;
  if (found()) return true;
  if (one_core) return false;
  const auto end = std::chrono::steady_clock::now() + kSpinTime;
  constexpr int kMaxPauses = 16;
  int pauses = 1;
  do {
    pauses = std::min(pauses * 2, kMaxPauses);
    for (int i = 0; i < pauses; ++i) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#elif defined(__aarch64__)
      asm volatile("yield");
#endif
    }
    if (found()) return true;
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace penstock::runtime
