#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/world.h"

namespace penstock::sim {

/// Money moves between accounts in two tables, by transactions over four: what the accounts lose and get and the entries about it, which
/// are in two tables as well. So at every epoch, of tables and of views, the books balance; and of each payment it is known whether it is
/// there, is not, or may be: then whole or not at all. Refunds undo one. One thread; the world outlives it.
class Accounts {
 public:
  explicit Accounts(World& world) : world_(world) {}
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  /// The tables, and views over them.
  void create();
  /// Clients that pay, one that looks at the books, and `frontends` that die in the middle of their payments, again and again.
  void start_clients(size_t frontends);
  /// When nothing fails any more, and again when what nobody asked for has been given up.
  void check();

  [[nodiscard]] static std::vector<std::string> tables() { return {"acc_l", "acc_r", "entry_l", "entry_r"}; }

 private:
  /// Of one entry: may it be there, may it not.
  struct Known {
    int64_t amount = 0;
    bool there = false;
    bool absent = true;
  };
  enum class Answer { Done, Refused, Unknown };

  void pay_for_life(SqlClient& client, int64_t payer);
  void pay(SqlClient& client, int64_t entry);
  void refund(SqlClient& client, int64_t payer);
  void doom_frontends(int64_t payer);
  /// BEGIN, the statements, a look at the books from inside, COMMIT or ROLLBACK. `asked` is called before the answer can come.
  [[nodiscard]] Answer transact(SqlClient& client, const std::vector<std::string>& statements, const std::function<void()>& asked);
  [[nodiscard]] Answer answer_of(std::string_view what, const Status& status);
  [[nodiscard]] std::optional<int64_t> certain_entry(int64_t payer);
  void audit(SqlClient& client);
  /// Compares sums at the epoch, or in the block, of one SELECT; false when it was not answered.
  bool look_at_books(SqlClient& client, std::string_view who);
  void expect_no_torn_entry(SqlClient& client);
  void expect_entries();

  World& world_;
  std::map<int64_t, Known> entries_;
  size_t done_ = 0, refused_ = 0, unknown_ = 0, audits_ = 0, doomed_ = 0;
};

}  // namespace penstock::sim
