#pragma once

#include <fmt/format.h>

#include <deque>
#include <string>
#include <vector>

#include "runtime/sim_runtime.h"

namespace penstock::sim {

/// What happened in a run, with virtual times: each line is part of the run's hash, the last ones are kept for whoever reads of a failure.
/// One thread.
class Journal {
 public:
  Journal(runtime::SimRuntime& world, bool print) : world_(world), print_(print) {}

  template <typename... Args>
  void note(fmt::format_string<Args...> text, Args&&... args) {
    add(fmt::format(text, std::forward<Args>(args)...));
  }
  /// Something that must never be. The first ones are kept.
  template <typename... Args>
  void fail(fmt::format_string<Args...> text, Args&&... args) {
    add_failure(fmt::format(text, std::forward<Args>(args)...));
  }

  [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }
  [[nodiscard]] const std::deque<std::string>& last_lines() const { return lines_; }

 private:
  static constexpr size_t kKeptLines = 200;
  static constexpr size_t kKeptFailures = 10;

  void add(std::string text);
  void add_failure(std::string text);

  runtime::SimRuntime& world_;
  const bool print_;
  std::deque<std::string> lines_;
  std::vector<std::string> failures_;
};

}  // namespace penstock::sim
