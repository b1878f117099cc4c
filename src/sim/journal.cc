#include "sim/journal.h"

#include <cstdio>

namespace penstock::sim {

void Journal::add(std::string text) {
  world_.trace(text);
  std::string line = fmt::format("{:10.6f} s  {}", static_cast<double>(world_.now().nanos) / 1e9, text);
  if (print_) fmt::print("{}\n", line);
  lines_.push_back(std::move(line));
  if (lines_.size() > kKeptLines) lines_.pop_front();
}

void Journal::add_failure(std::string text) {
  if (failures_.size() < kKeptFailures) failures_.push_back(text);
  add("WRONG: " + std::move(text));
}

}  // namespace penstock::sim
