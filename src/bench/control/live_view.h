#pragma once

#include <cstdio>
#include <string>

#include "bench/machine/controller.h"

namespace penstock::bench {

enum class ViewStyle : uint8_t { Bars, Lines, Json };

/// What the person at the terminal sees: a bar an agent and a total, or a line an event. One owner.
class LiveView {
 public:
  LiveView(ViewStyle style, std::FILE* out) : style_(style), out_(out) {}
  LiveView(const LiveView&) = delete;
  LiveView& operator=(const LiveView&) = delete;

  /// `seconds` since the run began, on the controller's clock.
  void note(double seconds, int64_t unix_micros, const Note& note, const std::vector<std::string>& agents);
  /// Redraws the bars, as many as the terminal has lines; nothing in the other styles.
  void draw(runtime::TimePoint now, const Controller& controller);
  /// Removes the bars, so that something else can be printed.
  void clear();

 private:
  void line(const std::string& text, size_t columns);

  const ViewStyle style_;
  std::FILE* const out_;
  size_t drawn_ = 0;  // lines on the screen
};

/// One event as a line of JSON: events.jsonl and `--json`.
[[nodiscard]] std::string event_json(double seconds, int64_t unix_micros, const Note& note, const std::vector<std::string>& agents);

}  // namespace penstock::bench
