// The order in which a cursor gives changes, and how it goes on.
#include "frontend/subscription_cursor.h"

#include <gtest/gtest.h>

#include <random>

namespace penstock::frontend {
namespace {

template <typename T>
T must(Result<T> result) {
  EXPECT_TRUE(result.has_value()) << result.error().to_string();
  return std::move(result).value();
}

constexpr uint64_t kMs = 1 << 16;
constexpr Epoch at(uint64_t ms) { return Epoch{ms * kMs}; }

struct Change {
  uint64_t ms;
  VNode vnode;
  int64_t sequence;
  data::Op op;
  int64_t value;
};

/// A log in memory, read in an order of its own.
class FakeLog : public ChangeSource {
 public:
  std::vector<Change> log;
  std::vector<std::pair<uint64_t, uint64_t>> reads;  // in milliseconds
  size_t fails = 0;

  Result<std::optional<LoggedChanges>> changes(Epoch after, Epoch until, Epoch as_of, size_t most) override {
    EXPECT_LE(until, as_of);
    if (fails > 0 && fails-- > 0) return error(Code::Unavailable, "away");
    reads.emplace_back(after.value / kMs, until.value / kMs);
    std::vector<Change> found;
    for (const Change& change : log) {
      if (at(change.ms) > after && at(change.ms) <= until) found.push_back(change);
    }
    if (found.size() > most) return std::optional<LoggedChanges>();
    std::ranges::sort(found, {}, [](const Change& c) { return std::tuple(c.vnode % 3, c.vnode, c.ms, c.sequence); });
    data::ColumnBuilder<int64_t> epoch(data::TypeKind::Int64, 1), sequence(data::TypeKind::Int64, 1), value(data::TypeKind::Int64, 1);
    data::ColumnBuilder<int16_t> op(data::TypeKind::Int16, 1);
    LoggedChanges out;
    for (const Change& change : found) {
      epoch.append(static_cast<int64_t>(at(change.ms).value));
      sequence.append(change.sequence);
      op.append(static_cast<int16_t>(change.op));
      value.append(change.value);
      out.vnodes.push_back(change.vnode);
    }
    out.rows = data::DataChunk({epoch.finish(), sequence.finish(), op.finish(), value.finish()}, found.size());
    return std::optional(std::move(out));
  }
};

class Rows : public batch::Operator {
 public:
  explicit Rows(std::vector<std::vector<int64_t>> chunks, bool breaks = false) : chunks_(std::move(chunks)), breaks_(breaks) {}
  Result<std::optional<data::DataChunk>> next() override {
    if (next_ == chunks_.size()) {
      if (breaks_) return error(Code::Closed, "gone");
      return std::optional<data::DataChunk>();
    }
    data::ColumnBuilder<int64_t> values(data::TypeKind::Int64, 1);
    const size_t rows = chunks_[next_].size();
    for (const int64_t value : chunks_[next_++]) values.append(value);
    return std::optional(data::DataChunk({values.finish()}, rows));
  }

 private:
  std::vector<std::vector<int64_t>> chunks_;
  bool breaks_;
  size_t next_ = 0;
};

const SubscriptionCursor::Shape kShape{{0}, {{"v", data::TypeKind::Int64}}};

SubscriptionCursor behind(ChangePosition start) { return {kShape, start}; }
SubscriptionCursor behind(uint64_t ms) { return behind(ChangePosition{at(ms), std::nullopt}); }
SubscriptionCursor full(uint64_t ms, std::vector<std::vector<int64_t>> rows) {
  return {kShape, at(ms), std::make_unique<Rows>(std::move(rows))};
}

struct Row {
  std::string text;  // "I1@3.2": op, value, position in milliseconds
  std::optional<std::string> position;
};
std::vector<Row> rows_of(const data::DataChunk& chunk) {
  std::vector<Row> out;
  for (size_t i = 0; i < chunk.rows(); ++i) {
    const auto row = chunk.row(i);
    const std::string op = std::get<std::string>(row[1]);
    const std::string mark = op == "Insert" ? "I" : op == "Delete" ? "D" : op == "UpdateDelete" ? "-" : "+";
    out.push_back({fmt::format("{}{}", mark, std::get<int64_t>(row[0])), std::nullopt});
    if (data::is_null(row[3])) continue;
    out.back().position = std::get<std::string>(row[3]);
    const ChangePosition position = must(ChangePosition::parse(*out.back().position));
    EXPECT_EQ(std::get<int64_t>(row[2]), unix_millis_of(position.epoch));
    out.back().text += fmt::format("@{}", position.epoch.value / kMs);
    if (position.rows) out.back().text += fmt::format(".{}", *position.rows);
  }
  return out;
}
std::string fetch(SubscriptionCursor& cursor, size_t most, uint64_t committed, ChangeSource& source) {
  std::string out;
  for (const Row& row : rows_of(must(cursor.next(most, at(committed), source)))) out += (out.empty() ? "" : " ") + row.text;
  return out;
}

using enum data::Op;

TEST(SubscriptionCursor, gives_changes_by_epoch_and_those_of_one_vnode_in_their_order) {
  FakeLog source;
  source.log = {
      {5, 2, 1, Insert, 52}, {5, 2, 0, Insert, 51}, {5, 1, 7, Delete, 50}, {4, 9, 0, UpdateDelete, 40}, {4, 9, 1, UpdateInsert, 41}};
  SubscriptionCursor cursor = behind(3);
  EXPECT_EQ(fetch(cursor, 10, 5, source), "-40@4.1 +41@4.2 D50@5.1 I51@5.2 I52@5.3");
  EXPECT_EQ(fetch(cursor, 10, 5, source), "");
}

TEST(SubscriptionCursor, reads_nothing_that_is_not_committed) {
  FakeLog source;
  source.log = {{4, 0, 0, Insert, 1}, {6, 0, 0, Insert, 2}};
  SubscriptionCursor cursor = behind(3);
  EXPECT_EQ(fetch(cursor, 10, 3, source), "");
  EXPECT_EQ(fetch(cursor, 10, 5, source), "I1@4.1");
  EXPECT_EQ(fetch(cursor, 10, 5, source), "");
  EXPECT_EQ(fetch(cursor, 10, 6, source), "I2@6.1");
}

TEST(SubscriptionCursor, goes_on_exactly_behind_every_row_it_has_given) {
  FakeLog source;
  std::mt19937 random(7);
  for (int i = 0; i < 60; ++i) {
    source.log.push_back({4 + random() % 9, static_cast<VNode>(random() % 5), i, Insert, i});
  }
  SubscriptionCursor once = behind(3);
  const std::vector<Row> all = rows_of(must(once.next(100, at(20), source)));
  ASSERT_EQ(all.size(), 60U);
  for (size_t i = 0; i < all.size(); ++i) {
    SubscriptionCursor again = behind(must(ChangePosition::parse(*all[i].position)));
    std::vector<std::string> rest, wanted;
    for (const Row& row : rows_of(must(again.next(100, at(20), source)))) rest.push_back(row.text);
    for (size_t j = i + 1; j < all.size(); ++j) wanted.push_back(all[j].text);
    EXPECT_EQ(rest, wanted) << "behind " << all[i].text;
  }
}

TEST(SubscriptionCursor, gives_the_rows_there_are_then_what_changed_behind_them) {
  FakeLog source;
  source.log = {{8, 0, 0, Insert, 7}, {9, 0, 0, Insert, 8}};
  SubscriptionCursor cursor = full(8, {{1, 2}, {3}, {4}});
  EXPECT_EQ(cursor.position(), std::nullopt);
  EXPECT_EQ(fetch(cursor, 1, 9, source), "I1");
  EXPECT_EQ(fetch(cursor, 9, 9, source), "I2") << "the last one that is there might be the last of all";
  EXPECT_EQ(fetch(cursor, 9, 9, source), "I3");
  EXPECT_EQ(fetch(cursor, 9, 9, source), "I4@8");
  EXPECT_EQ(fetch(cursor, 9, 9, source), "I8@9.1");
  EXPECT_EQ(cursor.position()->to_string(), ChangePosition({at(9), {}}).to_string());
}

TEST(SubscriptionCursor, of_no_rows_goes_on_with_changes) {
  FakeLog source;
  source.log = {{9, 0, 0, Insert, 8}};
  SubscriptionCursor cursor = full(8, {});
  EXPECT_EQ(fetch(cursor, 9, 8, source), "");
  EXPECT_EQ(fetch(cursor, 9, 9, source), "I8@9.1");
}

TEST(SubscriptionCursor, whose_rows_cannot_be_read_to_the_end_says_so_each_time) {
  FakeLog source;
  SubscriptionCursor cursor(kShape, at(8), std::make_unique<Rows>(std::vector<std::vector<int64_t>>{{1, 2, 3}}, true));
  EXPECT_EQ(fetch(cursor, 9, 9, source), "I1 I2");
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(cursor.next(9, at(9), source).has_error());
    EXPECT_TRUE(cursor.failed());
  }
}

TEST(SubscriptionCursor, stays_where_it_was_when_changes_cannot_be_read) {
  FakeLog source;
  source.log = {{4, 0, 0, Insert, 1}};
  source.fails = 1;
  SubscriptionCursor cursor = behind(3);
  EXPECT_TRUE(cursor.next(9, at(5), source).has_error());
  EXPECT_FALSE(cursor.failed());
  EXPECT_EQ(fetch(cursor, 9, 5, source), "I1@4.1");
}

TEST(SubscriptionCursor, reads_fewer_epochs_at_once_where_they_are_full_and_one_that_is_larger_as_a_whole) {
  FakeLog source;
  for (int64_t i = 0; i < 70'000; ++i) source.log.push_back({100, 0, i, Insert, i});
  source.log.push_back({103, 0, 0, Insert, -1});
  SubscriptionCursor cursor = behind(3);
  size_t given = 0;
  for (std::string rows; !(rows = fetch(cursor, SIZE_MAX, 20'000, source)).empty();) {
    given += static_cast<size_t>(std::ranges::count(rows, ' ')) + 1;
  }
  EXPECT_EQ(given, 70'001U);
  EXPECT_NE(std::ranges::find(source.reads, std::pair<uint64_t, uint64_t>(99, 100)), source.reads.end());
}

TEST(SubscriptionCursor, behind_what_is_kept_is_an_error_that_says_what_to_do) {
  using std::chrono::milliseconds;
  const auto check = [](uint64_t from, uint64_t since, int64_t retention, uint64_t committed) {
    return behind(from).check_kept(at(since), milliseconds(retention), at(committed));
  };
  EXPECT_TRUE(check(10, 10, 5, 14).has_value());
  EXPECT_TRUE(check(10, 10, 5, 15).has_value());
  EXPECT_EQ(check(9, 10, 5, 12).error().code(), Code::SnapshotTooOld) << "from before the subscription";
  EXPECT_EQ(check(10, 10, 5, 16).error().code(), Code::SnapshotTooOld) << "older than the retention";
  EXPECT_EQ(check(10, 10, 5, 16).error().hint(),
            "DECLARE a cursor FULL: it begins with the rows there are. A longer retention leaves a reader more time.");
  EXPECT_TRUE(check(16, 17, 1, 16).has_value()) << "nothing is wanted yet";
}

TEST(SubscriptionCursor, that_follows_is_never_too_old_though_nothing_changes) {
  FakeLog source;
  SubscriptionCursor cursor = behind(3);
  for (uint64_t committed = 4; committed < 100; committed += 3) {
    ASSERT_TRUE(cursor.check_kept(at(3), std::chrono::milliseconds(4), at(committed)).has_value()) << committed;
    EXPECT_EQ(fetch(cursor, 1, committed, source), "");
  }
}

TEST(ChangePosition, is_read_as_it_is_written_and_nothing_else) {
  for (const ChangePosition position : {ChangePosition{at(7), std::nullopt}, ChangePosition{at(7), 0}, ChangePosition{at(7), 19}}) {
    EXPECT_EQ(must(ChangePosition::parse(position.to_string())), position);
  }
  for (const std::string_view text : {"", "0", "x", "1.", "1.x", ".1", "1.2.3", "-1", "1 ", "18446744073709551615"}) {
    EXPECT_TRUE(ChangePosition::parse(text).has_error()) << text;
  }
}

}  // namespace
}  // namespace penstock::frontend
