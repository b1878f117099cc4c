#pragma once

#include <string>
#include <vector>

#include "sim/world.h"

namespace penstock::sim {

/// Clients that have actors and their rows moved all the time: jobs get another parallelism, nodes are drained, leave, come back and join.
/// Before most of these something is about to fail in the middle of it. One thread; the world outlives it.
class Movers {
 public:
  /// `jobs`: as ALTER names them, "TABLE a".
  Movers(World& world, std::vector<std::string> jobs) : world_(world), jobs_(std::move(jobs)) {}
  Movers(const Movers&) = delete;
  Movers& operator=(const Movers&) = delete;

  void start_clients();
  /// Only of the jobs: nodes stay.
  void start_altering();
  /// When nothing fails any more: nodes that have left, or are about to, are there again and take actors.
  void bring_back();
  /// Then every job can be put where one wants it, and is then there. Views are to be compared before and after.
  void check();

 private:
  void alter_jobs(SqlClient& client);
  void drain_nodes(SqlClient& client);
  void come_and_go();
  /// `penstock ctl drain`.
  Status drain(size_t compute, bool undo);
  void note(const std::string& what, const Status& done);
  void expect_parallelism(const std::string& job, const std::string& actors);
  void expect_no_actors(size_t compute);

  World& world_;
  const std::vector<std::string> jobs_;
  size_t done_ = 0, refused_ = 0;
};

}  // namespace penstock::sim
