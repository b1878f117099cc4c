#pragma once

#include <string>
#include <vector>

#include "sim/clock_table.h"
#include "sim/model_table.h"

namespace penstock::sim {

/// A view and the query it is made of.
struct View {
  std::string name, sql;
};

/// Two tables with writers, views over them, a clock, a reader that compares each view with its query at every epoch it sees, and several
/// who make and drop views all the time, so that their commands often share a barrier. In one database. One thread; the world outlives it.
class TablesAndViews {
 public:
  /// Everything is created. `database` is there.
  explicit TablesAndViews(World& world, std::string database = "dev");
  TablesAndViews(const TablesAndViews&) = delete;
  TablesAndViews& operator=(const TablesAndViews&) = delete;

  /// `builders`: how many make and drop views; three at most.
  void start_clients(size_t builders = 3);
  /// When nothing fails any more: everything is as it was answered, and something was.
  void check();

  /// Over tables a and b: aggregation with and without groups, joins, a view on a view, a union.
  [[nodiscard]] static const std::vector<View>& views();
  /// Statements of writers that were acknowledged so far.
  [[nodiscard]] size_t acknowledged() const { return a_.acknowledged() + b_.acknowledged(); }

 private:
  void audit(SqlClient& client);
  void build(SqlClient& client, std::string_view name);
  [[nodiscard]] std::string named(std::string_view what) const;

  World& world_;
  const std::string database_;
  ModelTable a_, b_;
  ClockTable clock_;
  size_t built_ = 0, audits_ = 0;
};

}  // namespace penstock::sim
