#pragma once

#include <filesystem>
#include <string>

#include "sim/model_table.h"

namespace penstock::sim {

/// What else there is in a cluster besides a database that one looks at, and must not be noticed there:
///
///  - "sick": a view in it dies of a bad record, is created again, is left out in the end, is dropped; and one waits for a long time at
///  rows
///    of a table. Its other table is as good as any: what was acknowledged is there.
///  - "idle": barriers of its own interval, of which every so many is a checkpoint; nothing else happens.
///  - "passing": is created, used and dropped, again and again.
///
/// The bad record is in a file of the real file system, as sources read it. One thread; the world outlives it.
class Tenants {
 public:
  static constexpr uint32_t kIdleInterval = 700, kIdleFrequency = 4;

  explicit Tenants(World& world);
  Tenants(const Tenants&) = delete;
  Tenants& operator=(const Tenants&) = delete;
  ~Tenants();

  void start_clients();
  /// FLUSH in `database` takes no longer than that, all the while: only where nothing but "sick" fails.
  void start_watch(const std::string& database, runtime::Duration limit);
  /// When nothing fails any more.
  void check();
  /// Where nothing else fails: it has failed, the others have not, and have had their barriers when they were due.
  void expect_only_sick_failed(std::initializer_list<std::string> healthy);

 private:
  void suffer(SqlClient& client);
  void dawdle(SqlClient& client);
  void come_and_go();
  void live_in_passing(uint64_t round);
  void watch(SqlClient& client, const std::string& database, runtime::Duration limit);
  void tolerate(std::string_view what, const Status& status);

  World& world_;
  const std::filesystem::path folder_;
  ModelTable good_;
  runtime::TimePoint idle_since_;
  size_t broken_ = 0, passed_ = 0, watched_ = 0;
};

}  // namespace penstock::sim
