#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/cluster.h"
#include "sim/nemesis.h"

namespace penstock::sim {

/// One run of a scenario: a cluster, its clients, and what breaks it. One thread; waiting runs the simulation.
class World {
 public:
  World(Cluster& cluster, runtime::Duration duration, uint64_t seed) : cluster_(cluster), duration_(duration), random_(seed) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] Cluster& cluster() { return cluster_; }
  [[nodiscard]] Journal& journal() { return cluster_.journal(); }
  [[nodiscard]] runtime::SplitMix& random() { return random_; }
  /// How long things should go wrong, in virtual time.
  [[nodiscard]] runtime::Duration duration() const { return duration_; }

  /// A client with a session of its own, on a thread of its own, that should look at `stopping` between statements.
  void client(const std::string& name, std::function<void(SqlClient&)> body, const std::string& database = "dev");
  /// The same, at a frontend that may be killed: nobody waits for it but `join_ghosts`.
  void ghost(const std::string& name, std::function<void(SqlClient&)> body, size_t frontend);
  /// Until those have given up, as late as their patience ends.
  void join_ghosts();
  [[nodiscard]] bool stopping() const { return stopping_; }
  /// For a client: pauses.
  void pause(runtime::Duration time);

  /// Lets the clients run while `faults` break the cluster, for `duration()`; then mends everything, tells the clients to stop and waits
  /// for them. A statement that has not come back by then is a failure.
  void chaos(const Faults& faults);
  /// For a client during `chaos`, before it does something delicate: one fault more, in the middle of what the nodes say to each other
  /// about it; see Faults::ambush.
  void ambush();

  /// A statement that must succeed, at once or while the cluster recovers.
  void must(std::string_view sql, const std::string& database = "dev");
  [[nodiscard]] std::vector<SqlClient::Row> rows(std::string_view sql, const std::string& database = "dev");
  /// The view holds now what its query gives over the same committed epoch. `view` is a name, `sql` the query it was made of.
  void expect_view(const std::string& view, const std::string& sql, const std::string& database = "dev");

 private:
  struct Client {
    std::string name;
    bool done = false;
  };
  using Clients = std::vector<std::shared_ptr<Client>>;  // shared with their threads
  [[nodiscard]] static bool all_done(const Clients& clients);
  void expect_done(const Clients& clients, runtime::Duration patience);
  void spawn(Clients& clients, const std::string& name, std::function<void(SqlClient&)> body, const std::string& database, size_t frontend);
  void expect_usable_soon();

  Cluster& cluster_;
  const runtime::Duration duration_;
  runtime::SplitMix random_;
  bool stopping_ = false;
  Nemesis* nemesis_ = nullptr;  // during chaos
  Clients clients_, ghosts_;
};

/// The same query over both sides at one epoch; what differs, in words, or nothing. Errors: those of the query.
[[nodiscard]] Result<std::string> view_differs(SqlClient& client, const std::string& view, const std::string& sql);

/// What a client may be told while nodes come and go, without anything being wrong.
[[nodiscard]] bool is_transient(const Error& error);

}  // namespace penstock::sim
