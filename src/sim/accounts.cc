#include "sim/accounts.h"

#include <algorithm>

namespace penstock::sim {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kAccounts = 60;  // in each table
constexpr int64_t kBegin = 1000;   // in each account
constexpr int64_t kEntriesOfPayer = 1'000'000;
// A session that is cancelled is one whose frontend has died.
bool is_excused(const Error& error) { return is_transient(error) || error.code() == Code::Cancelled; }

constexpr std::string_view kTorn =
    "SELECT l.id AS l_id, r.id AS r_id, l.v AS l_v, r.v AS r_v FROM entry_l AS l FULL JOIN entry_r AS r ON l.id = r.id "
    "WHERE l.id IS NULL OR r.id IS NULL OR l.v <> r.v";
constexpr std::string_view kBalance =
    "SELECT sum(amount) AS total FROM (SELECT amount FROM acc_l UNION ALL SELECT amount FROM acc_r) AS accounts";

}  // namespace

void Accounts::create() {
  for (const char* name : {"acc_l", "acc_r"}) {
    world_.must(fmt::format("CREATE TABLE {} (id BIGINT PRIMARY KEY, amount BIGINT)", name));
    for (int64_t id = 0; id < kAccounts; ++id) world_.must(fmt::format("INSERT INTO {} VALUES ({}, {})", name, id, kBegin));
  }
  for (const char* name : {"entry_l", "entry_r"}) world_.must(fmt::format("CREATE TABLE {} (id BIGINT PRIMARY KEY, v BIGINT)", name));
  world_.must(fmt::format("CREATE MATERIALIZED VIEW torn AS {}", kTorn));
  world_.must(fmt::format("CREATE MATERIALIZED VIEW balance AS {}", kBalance));
}

void Accounts::start_clients(size_t frontends) {
  for (int64_t payer = 1; payer <= 3; ++payer) {
    world_.client(fmt::format("payer-{}", payer), [this, payer](SqlClient& client) { pay_for_life(client, payer); });
  }
  world_.client("accountant", [this](SqlClient& client) { audit(client); });
  for (size_t i = 0; i < frontends; ++i) {
    const auto payer = static_cast<int64_t>(100 + i);
    world_.client(fmt::format("owner of frontends {}", i), [this, payer](SqlClient&) { doom_frontends(payer); });
  }
}

void Accounts::pay_for_life(SqlClient& client, int64_t payer) {
  int64_t next = payer * kEntriesOfPayer;
  while (!world_.stopping()) {
    if (world_.random().below(4) == 0) {
      refund(client, payer);
    } else {
      pay(client, next++);
    }
    world_.pause(milliseconds(world_.random().below(150)));
  }
}

// Each is at a frontend of its own, which dies some time later, mostly while it waits for something; so what it is told is that it waits no
// more.
void Accounts::doom_frontends(int64_t payer) {
  while (!world_.stopping()) {
    const int64_t first = (payer + 1000 * static_cast<int64_t>(++doomed_)) * kEntriesOfPayer;
    const size_t frontend = world_.cluster().start_frontend();
    const auto session = std::make_shared<SqlClient*>(nullptr);  // shared with the thread that has it, which may go first
    world_.ghost(
        "doomed payer",
        [this, first, frontend, session](SqlClient& client) {
          *session = &client;
          for (int64_t next = first; world_.cluster().has_frontend(frontend) && !world_.stopping(); ++next) pay(client, next);
          *session = nullptr;
        },
        frontend);
    world_.pause(milliseconds(100 + world_.random().below(2500)));
    world_.cluster().kill_frontend(frontend);
    if (*session != nullptr) (*session)->cancel();
  }
}

void Accounts::pay(SqlClient& client, int64_t entry) {
  const auto from = static_cast<int64_t>(world_.random().below(kAccounts)), to = static_cast<int64_t>(world_.random().below(kAccounts));
  const auto amount = static_cast<int64_t>(1 + world_.random().below(50));
  const Answer answer = transact(client,
                                 {fmt::format("UPDATE acc_l SET amount = amount - {} WHERE id = {}", amount, from),
                                  fmt::format("INSERT INTO entry_r VALUES ({}, {})", entry, amount),
                                  fmt::format("UPDATE acc_r SET amount = amount + {} WHERE id = {}", amount, to),
                                  fmt::format("INSERT INTO entry_l VALUES ({}, {})", entry, amount)},
                                 [&] { entries_[entry] = {.amount = amount, .there = true, .absent = true}; });
  if (answer == Answer::Done) entries_[entry] = {.amount = amount, .there = true, .absent = false};
  if (answer == Answer::Refused) entries_[entry] = {.amount = amount, .there = false, .absent = true};
}

void Accounts::refund(SqlClient& client, int64_t payer) {
  const auto entry = certain_entry(payer);
  if (!entry) return;
  const int64_t amount = entries_.at(*entry).amount;
  const auto to = static_cast<int64_t>(world_.random().below(kAccounts)), from = static_cast<int64_t>(world_.random().below(kAccounts));
  const Answer answer = transact(client,
                                 {fmt::format("DELETE FROM entry_l WHERE id = {}", *entry),
                                  fmt::format("UPDATE acc_l SET amount = amount + {} WHERE id = {}", amount, to),
                                  fmt::format("DELETE FROM entry_r WHERE id = {}", *entry),
                                  fmt::format("UPDATE acc_r SET amount = amount - {} WHERE id = {}", amount, from)},
                                 [&] { entries_[*entry].absent = true; });
  if (answer == Answer::Done) entries_[*entry].there = false;
  if (answer == Answer::Refused) entries_[*entry].absent = false;
}

std::optional<int64_t> Accounts::certain_entry(int64_t payer) {
  std::vector<int64_t> certain;
  const auto end = entries_.lower_bound((payer + 1) * kEntriesOfPayer);
  for (auto at = entries_.lower_bound(payer * kEntriesOfPayer); at != end; ++at) {
    if (at->second.there && !at->second.absent) certain.push_back(at->first);
  }
  if (certain.empty()) return std::nullopt;
  return certain[world_.random().below(certain.size())];
}

Accounts::Answer Accounts::transact(SqlClient& client, const std::vector<std::string>& statements, const std::function<void()>& asked) {
  // Nothing is sent anywhere before COMMIT.
  const auto abandon = [&](std::string_view what, const Status& status) {
    (void)answer_of(what, status);
    (void)client.run("ROLLBACK");
    return Answer::Refused;
  };
  if (const Status begun = client.run("BEGIN"); begun.has_error()) return abandon("BEGIN", begun);
  for (const std::string& statement : statements) {
    if (const Status done = client.run(statement); done.has_error()) return abandon(statement, done);
    if (world_.random().below(8) == 0) world_.pause(milliseconds(world_.random().below(400)));
  }
  if (world_.random().below(3) == 0 && !look_at_books(client, "a block")) return abandon("a look from inside", ok());
  if (world_.random().below(12) == 0) return abandon("ROLLBACK", client.run("ROLLBACK"));
  asked();
  if (world_.random().below(3) == 0) world_.ambush();
  const Status committed = client.run("COMMIT");
  const Answer answer = answer_of("COMMIT", committed);
  if (committed.has_error()) (void)client.run("ROLLBACK");
  return answer;
}

Accounts::Answer Accounts::answer_of(std::string_view what, const Status& status) {
  if (status.has_value()) {
    done_ += what == "COMMIT" ? 1 : 0;
    return Answer::Done;
  }
  world_.journal().note("{}: {}", what, status.error());
  if (!is_excused(status.error())) world_.journal().fail("{}: {}", what, status.error());
  const Code code = status.error().code();
  const bool unknown = code == Code::OutcomeUnknown || code == Code::Timeout || code == Code::Cancelled;
  ++(unknown ? unknown_ : refused_);
  return unknown ? Answer::Unknown : Answer::Refused;
}

bool Accounts::look_at_books(SqlClient& client, std::string_view who) {
  const auto rows = client.query(
      "SELECT 'l', sum(amount) FROM acc_l UNION ALL SELECT 'r', sum(amount) FROM acc_r UNION ALL "
      "SELECT 'el', coalesce(sum(v), 0) FROM entry_l UNION ALL SELECT 'er', coalesce(sum(v), 0) FROM entry_r");
  if (rows.has_error()) {
    if (!is_excused(rows.error())) world_.journal().fail("{} looks at the books: {}", who, rows.error());
    return false;
  }
  std::map<std::string, int64_t> sums;
  for (const auto& row : rows.value()) sums[row[0]] = row[1] == "NULL" ? 0 : std::stoll(row[1]);
  constexpr int64_t kAll = kAccounts * kBegin;
  if (sums["l"] + sums["el"] != kAll || sums["r"] - sums["er"] != kAll || sums["el"] != sums["er"]) {
    world_.journal().fail("{} sees books that do not balance: {} and {} in accounts, {} and {} in entries", who, sums["l"], sums["r"],
                          sums["el"], sums["er"]);
  }
  return true;
}

void Accounts::expect_no_torn_entry(SqlClient& client) {
  const auto torn = client.query("SELECT * FROM torn");
  if (torn.has_error()) {
    if (!is_transient(torn.error())) world_.journal().fail("reading torn: {}", torn.error());
    return;
  }
  if (!torn.value().empty()) {
    const auto& row = torn.value().front();
    world_.journal().fail("{} entries are in one table only, as ({}, {}): {}, {}", torn.value().size(), row[0], row[1], row[2], row[3]);
  }
}

void Accounts::audit(SqlClient& client) {
  while (!world_.stopping()) {
    if (look_at_books(client, "an accountant")) ++audits_;
    expect_no_torn_entry(client);
    const auto total = client.query("SELECT total FROM balance");
    if (total.has_value() && (total.value().size() != 1 || total.value()[0][0] != fmt::to_string(2 * kAccounts * kBegin))) {
      world_.journal().fail("balance is {}", total.value().empty() ? "empty" : total.value()[0][0]);
    }
    world_.pause(milliseconds(world_.random().below(300)));
  }
}

void Accounts::expect_entries() {
  std::set<int64_t> found;
  for (const auto& row : world_.rows("SELECT id, v FROM entry_l")) {
    const int64_t id = std::stoll(row[0]);
    found.insert(id);
    const auto known = entries_.find(id);
    if (known == entries_.end() || !known->second.there) {
      world_.journal().fail("entry {} is there, but {}", id, known == entries_.end() ? "was never paid" : "was refused, or refunded");
    }
  }
  for (const auto& [id, known] : entries_) {
    if (!known.absent && !found.contains(id)) world_.journal().fail("entry {} was acknowledged and is missing", id);
  }
}

void Accounts::check() {
  // Twice: what dead frontends have left with actors is given up after a minute, and must not come to light then.
  for (const runtime::Duration time : {runtime::Duration(0), runtime::Duration(std::chrono::seconds(75))}) {
    world_.pause(time);
    world_.must("FLUSH");
    expect_entries();
    const auto client = world_.cluster().connect();
    if (!client || !look_at_books(*client, "the last one")) world_.journal().fail("the books cannot be read");
    if (client) expect_no_torn_entry(*client);
    world_.expect_view("torn", std::string(kTorn));
    world_.expect_view("balance", std::string(kBalance));
  }
  world_.join_ghosts();
  world_.journal().note("{} transactions were committed, {} refused, {} unknown; {} frontends died; {} audits", done_, refused_, unknown_,
                        doomed_, audits_);
  if (done_ == 0 && world_.duration() >= std::chrono::seconds(5)) world_.journal().fail("no transaction was ever committed");
}

}  // namespace penstock::sim
