#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>

namespace penstock::meta {

/// Why the sources and backfill of a database stand still. Reasons are independent of each other: sources run again
/// when the last one is gone, so a full disk that has room again does not undo a user's PAUSE, nor the other way round. Pure; one owner.
class PauseReasons {
 public:
  enum class Reason : uint8_t { User, Disk };

  /// `why` is for people; empty: no longer a reason. True if anything changed.
  bool set(Reason reason, std::string why) {
    std::string& mine = why_[static_cast<size_t>(reason)];
    if (mine == why) return false;
    mine = std::move(why);
    return true;
  }
  [[nodiscard]] const std::string& why(Reason reason) const { return why_[static_cast<size_t>(reason)]; }
  [[nodiscard]] bool paused() const {
    for (const std::string& why : why_) {
      if (!why.empty()) return true;
    }
    return false;
  }
  /// All reasons, for people; empty: none.
  [[nodiscard]] std::string describe() const {
    std::string out;
    for (const std::string& why : why_) {
      if (!why.empty()) out += (out.empty() ? "" : "; ") + why;
    }
    return out;
  }

 private:
  std::array<std::string, 2> why_;
};

}  // namespace penstock::meta
