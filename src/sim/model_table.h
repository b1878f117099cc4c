#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "sim/world.h"

namespace penstock::sim {

/// A table `NAME (id, grp, v)`, and what may be in it: after each answer to a writer, the values each row can have. A write that was
/// acknowledged leaves one possibility, one that was refused leaves what was, one whose outcome is unknown leaves both; that row is left
/// alone from then on. One thread.
class ModelTable {
 public:
  ModelTable(std::string name, std::string database) : name_(std::move(name)), database_(std::move(database)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  void create(World& world);

  /// A client's life: INSERT, UPDATE, DELETE and reads of its own rows, until the world stops. Every writer has ids of its own.
  void write(World& world, SqlClient& client, uint32_t writer);
  /// The table holds something that may be in it.
  void check(World& world) const;
  [[nodiscard]] size_t acknowledged() const { return acknowledged_; }

 private:
  using Value = std::optional<std::pair<int64_t, int64_t>>;  // (grp, v), or no row
  struct Change {
    int64_t id;
    Value value;
  };

  void insert(World& world, SqlClient& client, uint32_t writer, int64_t& next);
  void update(World& world, SqlClient& client, uint32_t writer);
  void remove(World& world, SqlClient& client, uint32_t writer);
  void read(World& world, SqlClient& client, uint32_t writer);
  void settle(World& world, const Status& answer, const std::string& sql, const std::vector<Change>& changes);
  /// A row of this writer that is certainly there.
  [[nodiscard]] std::optional<int64_t> pick(World& world, uint32_t writer) const;

  const std::string name_, database_;
  std::map<int64_t, std::set<Value>> rows_;
  size_t acknowledged_ = 0;
};

}  // namespace penstock::sim
