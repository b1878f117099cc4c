#include "meta/barrier/transactions.h"

#include <gtest/gtest.h>

#include "testing/script.h"

namespace penstock::meta {
namespace {

using Words = ::penstock::testing::Words;

/// Nodes 1 and 2; actor 1x is on node 1, actor 2x on node 2. A line is an event; what comes of it stands behind =>.
///     want 7 at=5 read t1/11,12 blind t2/13 whole t3 whole t3/11   transaction 7, which read at epoch 5; tables with keys
///     on=11,21                                                     its actors; 11 and 21 if not said
///     choose 6                     Checkpoint that ends epoch 6:   1:+7 -8 (node 1 commits 7, aborts 8), named 7, conflict 7, gone 7
///     committed 6 t1 t2            with changes of tables 1 and 2
///     held 1 7 8                   node 1 says what it holds
///     stop 11                      the actor runs no more          give_up 7     end
class TransactionsTest : public ::testing::Test {
 protected:
  void run(std::string_view script) {
    ::penstock::testing::run_script(script, [this](const Words& words) { return apply(words); });
  }

  std::string apply(Words words) {
    if (words[0][0] == '@') {
      now_.mono.nanos = std::stoll(words[0].substr(1)) * 1'000'000;
      words.erase(words.begin());
    }
    const std::string& what = words[0];
    const auto number = [&](size_t at) { return std::stoull(words.at(at)); };
    std::vector<TransactionDecided> decided;
    if (what == "want") {
      transactions_.want(wanted(words), decided);
    } else if (what == "give_up") {
      transactions_.give_up(TransactionId{number(1)}, decided);
    } else if (what == "end") {
      transactions_.end_term(decided);
    } else if (what == "stop") {
      stopped_.insert(ActorId{static_cast<uint32_t>(number(1))});
    } else if (what == "committed") {
      std::set<TableId> tables;
      for (size_t i = 2; i < words.size(); ++i) tables.insert(TableId{static_cast<uint32_t>(std::stoul(words[i].substr(1)))});
      transactions_.on_committed(Epoch{number(1)}, tables);
    } else if (what == "held") {
      std::vector<TransactionId> held;
      for (size_t i = 2; i < words.size(); ++i) held.emplace_back(number(i));
      transactions_.on_held(now_, WorkerId{static_cast<uint32_t>(number(1))}, held);
    } else if (what == "choose") {
      return choose(Epoch{number(1)});
    } else {
      ADD_FAILURE() << "no such event: " << what;
    }
    return show(decided);
  }

  static TransactionWanted wanted(const Words& words) {
    TransactionWanted out;
    out.transaction = TransactionId{std::stoull(words[1])};
    std::vector<uint32_t> actors{11, 21};
    for (size_t i = 2; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (word.starts_with("at=")) {
        out.read_epoch = Epoch{std::stoull(word.substr(3))};
      } else if (word.starts_with("on=")) {
        actors = numbers<uint32_t>(word.substr(3));
      } else {
        const std::string& table = words.at(++i);
        const size_t slash = std::min(table.find('/'), table.size());
        TransactionWanted::Writes writes{TableId{static_cast<uint32_t>(std::stoul(table.substr(1, slash - 1)))},
                                         word == "read" || word == "whole",
                                         word == "whole" || word == "blind_whole",
                                         {}};
        if (slash < table.size()) writes.keys = numbers<uint64_t>(table.substr(slash + 1));
        out.writes.push_back(std::move(writes));
      }
    }
    for (const uint32_t actor : actors) out.participants.push_back({{PartialGraphId{1}, Term{1}}, WorkerId{actor / 10}, ActorId{actor}});
    return out;
  }
  template <typename T>
  static std::vector<T> numbers(std::string text) {
    std::vector<T> out;
    std::replace(text.begin(), text.end(), ',', ' ');
    std::istringstream in(text);
    for (T n; in >> n;) out.push_back(n);
    return out;
  }

  std::string choose(Epoch prev) {
    const auto choice = transactions_.choose(now_, prev, {WorkerId{1}, WorkerId{2}},
                                             [&](const auto& participant) { return !stopped_.contains(participant.actor); });
    std::string out;
    for (const auto& [worker, lists] : choice.of_worker) {
      std::string text;
      for (const TransactionId id : lists.commit) text += fmt::format(" +{}", id);
      for (const TransactionId id : lists.abort) text += fmt::format(" -{}", id);
      out += fmt::format("{}{}:{}", out.empty() ? "" : ", ", worker, text.substr(1));
    }
    const std::string decided = show(choice.decided);
    return out + (out.empty() || decided.empty() ? "" : ", ") + decided;
  }
  static std::string show(const std::vector<TransactionDecided>& decided) {
    static const char* const kNames[] = {"named", "conflict", "gone"};
    std::string out;
    for (const auto& d : decided)
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", kNames[static_cast<int>(d.verdict)], d.transaction);
    return out;
  }

  Now now_;
  std::set<ActorId> stopped_;
  Transactions transactions_{{.unclaimed_after = std::chrono::seconds(60), .most_keys = 4}, Epoch{3}};
};

TEST_F(TransactionsTest, names_a_transaction_to_every_node_that_holds_rows_and_to_no_other) {
  run(R"(
    want 7 at=3 blind t1/1 blind t2/2   =>
    want 8 at=3 blind t1/3 on=21        =>
    choose 4                            => 1:+7, 2:+7 +8, named 7, named 8
    choose 5                            =>
  )");
}

TEST_F(TransactionsTest, a_row_that_was_named_after_it_was_read_is_a_conflict) {
  run(R"(
    want 7 at=3 read t1/1       =>
    choose 4                    => 1:+7, 2:+7, named 7
    want 8 at=3 read t1/1       =>
    want 9 at=3 read t1/2       =>
    choose 5                    => 1:+9 -8, 2:+9 -8, conflict 8, named 9
    committed 4 t1              =>
    want 10 at=4 read t1/1      =>
    want 11 at=4 read t1/2      =>
    choose 6                    => 1:+10 -11, 2:+10 -11, named 10, conflict 11
  )");
}

TEST_F(TransactionsTest, two_that_read_one_row_are_not_named_together) {
  run(R"(
    want 7 at=3 read t1/1       =>
    want 8 at=3 read t1/1       =>
    choose 4                    => 1:+7 -8, 2:+7 -8, named 7, conflict 8
  )");
}

TEST_F(TransactionsTest, a_blind_one_that_meets_another_waits_for_the_next_checkpoint) {
  run(R"(
    want 7 at=3 blind t1/1      =>
    want 8 at=3 blind t1/1      =>
    want 9 at=3 blind t1/1      =>
    choose 4                    => 1:+7, 2:+7, named 7
    choose 5                    => 1:+8, 2:+8, named 8
    choose 6                    => 1:+9, 2:+9, named 9
  )");
  EXPECT_FALSE(transactions_.waiting());
}

TEST_F(TransactionsTest, one_that_read_a_row_which_a_blind_one_overwrote_is_refused) {
  run(R"(
    want 7 at=3 blind t1/1      =>
    want 8 at=3 read t1/1       =>
    choose 4                    => 1:+7 -8, 2:+7 -8, named 7, conflict 8
  )");
}

TEST_F(TransactionsTest, a_block_wants_the_whole_table_as_it_was) {
  run(R"(
    want 7 at=3 blind t1/1      =>
    choose 4                    => 1:+7, 2:+7, named 7
    want 8 at=3 whole t1/2      =>
    choose 5                    => 1:-8, 2:-8, conflict 8
    want 9 at=4 whole t1/2      =>
    choose 6                    => 1:+9, 2:+9, named 9
    want 10 at=4 read t1/3      =>
    choose 7                    => 1:+10, 2:+10, named 10
  )");
}

TEST_F(TransactionsTest, a_block_is_refused_after_rows_that_no_transaction_brought) {
  run(R"(
    committed 4 t1              =>
    want 7 at=3 whole t1/1      =>
    want 8 at=3 whole t2/1      =>
    want 9 at=3 read t1/1       =>
    choose 5                    => 1:+8 +9 -7, 2:+8 +9 -7, conflict 7, named 8, named 9
  )");
}

TEST_F(TransactionsTest, many_rows_without_names_meet_every_row_of_the_table) {
  run(R"(
    want 7 at=3 blind_whole t1  =>
    want 8 at=3 blind t1/1      =>
    want 9 at=3 blind t2/1      =>
    choose 4                    => 1:+7 +9, 2:+7 +9, named 7, named 9
    want 10 at=3 read t1/5      =>
    choose 5                    => 1:+8 -10, 2:+8 -10, named 8, conflict 10
  )");
}

TEST_F(TransactionsTest, what_was_read_before_this_meta_knew_of_changes_is_refused) {
  run(R"(
    want 7 at=2 read t1/1       =>
    want 8 at=2 blind t1/1      =>
    choose 4                    => 1:+8 -7, 2:+8 -7, conflict 7, named 8
  )");
}

TEST_F(TransactionsTest, a_change_that_is_forgotten_counts_as_one_of_the_whole_table) {
  run(R"(
    want 7 at=3 read t1/1           =>
    choose 4                        => 1:+7, 2:+7, named 7
    want 8 at=3 blind t2/1,2,3,4    =>
    choose 5                        => 1:+8, 2:+8, named 8
    want 9 at=3 read t1/9           =>
    want 10 at=4 read t1/9          =>
    choose 6                        => 1:+10 -9, 2:+10 -9, conflict 9, named 10
  )");
  EXPECT_LE(transactions_.remembered(), 4U);
}

TEST_F(TransactionsTest, one_of_whose_actors_is_gone_is_not_named_anywhere) {
  run(R"(
    want 7 at=3 blind t1/1      =>
    stop 21                     =>
    choose 4                    => 1:-7, 2:-7, gone 7
  )");
}

TEST_F(TransactionsTest, rows_that_nobody_asks_for_are_dropped_after_a_while_and_cannot_be_asked_for_then) {
  run(R"(
    @0 held 1 7                 =>
    @59000 held 1 7 8           =>
    @59000 choose 4             =>
    @60000 held 1 7 8           =>
    @60000 choose 5             => 1:-7, 2:-7
    want 7 at=3 blind t1/1      => gone 7
    want 8 at=3 blind t1/1      =>
    @200000 choose 6            => 1:+8, 2:+8, named 8
  )");
}

TEST_F(TransactionsTest, a_named_one_that_a_late_report_still_shows_is_not_dropped) {
  run(R"(
    @0 want 7 at=3 blind t1/1   =>
    choose 4                    => 1:+7, 2:+7, named 7
    held 1 7                    =>
    @61000 held 1 7             =>
    choose 5                    =>
    committed 4 t1              =>
    held 1                      =>
    @130000 choose 6            =>
  )");
}

TEST_F(TransactionsTest, what_its_frontend_gives_up_is_dropped_everywhere_unless_it_is_named) {
  run(R"(
    give_up 7                   =>
    choose 4                    => 1:-7, 2:-7
    want 8 at=3 blind t1/1      =>
    give_up 8                   => gone 8
    choose 5                    => 1:-8, 2:-8
    want 9 at=3 blind t1/1      =>
    choose 6                    => 1:+9, 2:+9, named 9
    give_up 9                   =>
    choose 7                    =>
  )");
}

TEST_F(TransactionsTest, the_end_of_the_term_ends_all_that_wait_and_keeps_what_it_knows_of_changes) {
  run(R"(
    want 7 at=3 read t1/1       =>
    choose 4                    => 1:+7, 2:+7, named 7
    want 8 at=3 blind t1/1      =>
    end                         => gone 8
    want 9 at=3 read t1/1       =>
    choose 6                    => 1:-9, 2:-9, conflict 9
  )");
}

}  // namespace
}  // namespace penstock::meta
