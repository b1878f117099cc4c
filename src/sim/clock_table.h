#pragma once

#include <string>

#include "sim/world.h"

namespace penstock::sim {

/// A table with one number that only ever grows, and a view of it. Whoever reads it reads at an epoch: a session that sees it fall has been
/// sent back in time, and one that sees less than it was told to have written has been read from the past. One ticker. One thread.
class ClockTable {
 public:
  ClockTable(std::string name, std::string database) : name_(std::move(name)), database_(std::move(database)) {}

  void create(World& world);
  /// A client's life: it adds one, again and again, and reads what it has now and then.
  void tick(World& world, SqlClient& client);
  /// A client's life: it reads the table and the view in turn.
  void watch(World& world, SqlClient& client);
  /// At the end: what was acknowledged is there, and no more than was tried.
  void check(World& world) const;

 private:
  /// The number, by the table or by the view; nothing when that could not be read now.
  [[nodiscard]] std::optional<int64_t> read(World& world, SqlClient& client) const;

  const std::string name_, database_;
  int64_t acknowledged_ = 0;  // additions that are there for certain
  int64_t tried_ = 0;
};

}  // namespace penstock::sim
