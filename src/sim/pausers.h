#pragma once

#include <string>
#include <vector>

#include "sim/world.h"

namespace penstock::sim {

/// A client that pauses a database, or jobs that read sources, and resumes them, again and again. What an answered PAUSE has ended stays
/// ended until RESUME, whoever dies meanwhile: such a view does not change. One thread; the world outlives it.
class Pausers {
 public:
  /// `jobs`: views that read sources and nothing else.
  Pausers(World& world, std::vector<std::string> jobs) : world_(world), jobs_(std::move(jobs)) {}
  Pausers(const Pausers&) = delete;
  Pausers& operator=(const Pausers&) = delete;

  void start_client();
  /// When nothing fails any more: everything goes on.
  void check();

 private:
  void pause_for_life(SqlClient& client);
  /// Until it is done, which may be after the world has been told to stop. False: it cannot be.
  bool insist(SqlClient& client, const std::string& sql);
  void expect_still(SqlClient& client, const std::vector<std::string>& views);
  [[nodiscard]] std::optional<std::string> rows_of(SqlClient& client, const std::string& view);

  World& world_;
  const std::vector<std::string> jobs_;
  size_t pauses_ = 0, looks_ = 0;
};

}  // namespace penstock::sim
