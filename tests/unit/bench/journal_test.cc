#include "bench/control/journal.h"

#include <gtest/gtest.h>

#include "storage/memory_filesystem.h"

namespace penstock::bench {
namespace {

pb::BenchJournal started(const std::string& run) {
  pb::BenchJournal record;
  record.mutable_run_started()->set_run(run);
  return record;
}
pb::BenchJournal arrived(uint32_t agent) {
  pb::BenchJournal record;
  record.mutable_arrived()->set_agent(agent);
  record.mutable_arrived()->set_sequence(1);
  return record;
}

class JournalTest : public ::testing::Test {
 protected:
  void write_three() {
    auto journal = Journal::create(files_, "/run");
    ASSERT_TRUE(journal.has_value());
    journal.value()->append(started("r"));
    journal.value()->append(arrived(1));
    ASSERT_TRUE(journal.value()->sync().has_value());
    journal.value()->append(arrived(2));
    ASSERT_TRUE(journal.value()->sync().has_value());
  }
  std::string bytes() { return storage::read_file(files_, "/run/journal").value(); }
  void replace(const std::string& bytes) { ASSERT_TRUE(storage::write_file_atomically(files_, "/run", "journal", bytes).has_value()); }

  storage::MemoryFileSystem files_;
};

TEST_F(JournalTest, reads_what_was_appended_and_goes_on_after_it) {
  write_three();
  {
    auto opened = Journal::open(files_, "/run");
    ASSERT_TRUE(opened.has_value());
    ASSERT_EQ(opened.value().records.size(), 3U);
    EXPECT_EQ(opened.value().records[2].arrived().agent(), 2U);
    opened.value().journal->append(arrived(3));
    ASSERT_TRUE(opened.value().journal->sync().has_value());
  }
  EXPECT_EQ(Journal::read(files_, "/run").value().size(), 4U);
}

TEST_F(JournalTest, a_torn_last_record_is_dropped_wherever_it_was_torn) {
  write_three();
  const std::string whole = bytes();
  pb::BenchJournal last = arrived(2);
  const size_t last_size = last.ByteSizeLong() + 8;
  for (size_t cut = 1; cut < last_size; ++cut) {
    replace(whole.substr(0, whole.size() - cut));
    auto opened = Journal::open(files_, "/run");
    ASSERT_TRUE(opened.has_value()) << cut;
    EXPECT_EQ(opened.value().records.size(), 2U);
    opened.value().journal->append(arrived(7));
    ASSERT_TRUE(opened.value().journal->sync().has_value());
    opened.value().journal.reset();
    EXPECT_EQ(Journal::read(files_, "/run").value().back().arrived().agent(), 7U) << cut;
  }
}

TEST_F(JournalTest, a_broken_record_before_the_last_is_an_error) {
  write_three();
  std::string broken = bytes();
  broken[10] = static_cast<char>(broken[10] ^ 1);
  replace(broken);
  const auto opened = Journal::open(files_, "/run");
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().message(), "/run/journal: record 1 at byte 0 is broken");
}

TEST_F(JournalTest, one_controller_at_a_time_and_no_run_over_another) {
  write_three();
  auto first = Journal::open(files_, "/run");
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(Journal::open(files_, "/run").error().code(), Code::ObjectInUse);
  EXPECT_TRUE(Journal::create(files_, "/run").has_error());
  EXPECT_TRUE(Journal::read(files_, "/elsewhere").has_error());
}

}  // namespace
}  // namespace penstock::bench
