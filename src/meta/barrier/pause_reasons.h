#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace penstock::meta {

/// Why the sources of a database stand still, and what its actors were told last. Reasons are independent of each other: sources run again
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

  /// What the next barrier has to say: true Pause, false Resume; nullopt: actors know already.
  [[nodiscard]] std::optional<bool> due() const { return paused() == told_ ? std::nullopt : std::optional(paused()); }
  /// A barrier says so to all actors, or the actors of a new term begin so.
  void tell(bool paused) { told_ = paused; }
  /// How actors that are made now have to begin.
  [[nodiscard]] bool told() const { return told_; }

 private:
  std::array<std::string, 2> why_;
  bool told_ = false;
};

}  // namespace penstock::meta
