#include "bench/workload/process_table.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "runtime/threaded_runtime.h"

namespace penstock::bench {
namespace {

class ProcessTables : public ::testing::Test {
 public:
  ~ProcessTables() override {
    table_.reset();
    runtime_->stop();
    std::filesystem::remove_all(folder_);
  }

 protected:
  ProcessTables() { std::filesystem::create_directories(folder_); }
  Status start(const std::string& command) { return table_->start("p", command, {{"ANSWER", "42"}}, log_); }
  /// What the process printed, once it is a whole line.
  std::string printed() {
    const auto waiter = runtime_->make_waiter();
    for (int i = 0; i < 2000; ++i) {
      std::ifstream in(log_);
      std::string line;
      if (std::getline(in, line) && !in.eof()) return line;
      (void)waiter->wait_for(std::chrono::milliseconds(5));
    }
    return "nothing";
  }

  /// Or a zombie until somebody looks after it.
  bool is_gone(pid_t child) {
    const auto waiter = runtime_->make_waiter();
    bool gone = false;
    for (int i = 0; i < 2000 && !gone; ++i) {
      std::ifstream status(fmt::format("/proc/{}/stat", child));
      std::string pid, name, state;
      gone = !(status >> pid >> name >> state) || state == "Z";
      if (!gone) (void)waiter->wait_for(std::chrono::milliseconds(5));
    }
    return gone;
  }

  const std::string folder_ = ::testing::TempDir() + "process-table-test";
  const std::string log_ = folder_ + "/log";
  const std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime();
  std::unique_ptr<ProcessWatch> watch_ = std::make_unique<ProcessWatch>();
  std::unique_ptr<ProcessTable> table_ = std::make_unique<ProcessTable>(*runtime_, *watch_);
};

TEST_F(ProcessTables, a_process_runs_with_its_environment_until_it_is_killed) {
  ASSERT_TRUE(start("echo $ANSWER $$; exec tail -f /dev/null").has_value());
  const std::string line = printed();
  ASSERT_TRUE(line.starts_with("42 ")) << line;
  const pid_t pid = std::stoi(line.substr(3));
  EXPECT_TRUE(table_->check_running().has_value());
  EXPECT_GT(table_->memory().at("p"), 0U);
  EXPECT_EQ(start("true").error().code(), Code::Stale) << "it runs already";
  ASSERT_TRUE(table_->kill("p").has_value());
  EXPECT_EQ(::kill(pid, 0), -1) << "gone";
  EXPECT_EQ(table_->kill("p").error().code(), Code::Stale);
  EXPECT_TRUE(table_->check_running().has_value()) << "it was we who ended it";
}

TEST_F(ProcessTables, what_a_process_started_ends_with_it) {
  ASSERT_TRUE(start("tail -f /dev/null & echo $!; wait").has_value());
  const pid_t child = std::stoi(printed());
  EXPECT_EQ(::kill(child, 0), 0);
  table_.reset();
  EXPECT_TRUE(is_gone(child));
}

TEST_F(ProcessTables, what_a_process_left_behind_when_it_ended_by_itself_is_ended) {
  ASSERT_TRUE(start("tail -f /dev/null & echo $!; exit 1").has_value());
  const pid_t child = std::stoi(printed());
  const auto waiter = runtime_->make_waiter();
  for (int i = 0; i < 2000 && table_->check_running().has_value(); ++i) (void)waiter->wait_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(is_gone(child));
}

TEST_F(ProcessTables, the_watch_kills_what_was_added_and_not_removed_when_it_goes) {
  ASSERT_TRUE(watch_->begin().has_value());
  const std::vector<std::string> command = {"/bin/sh", "-c", "tail -f /dev/null & wait"};
  std::vector<pid_t> groups;
  for (int i = 0; i < 3; ++i) {
    groups.push_back(spawn_process(command, {}, log_).value());
    watch_->add(groups.back());
  }
  watch_->remove(groups[1]);
  table_.reset();
  watch_.reset();
  EXPECT_TRUE(is_gone(groups[0]));
  EXPECT_TRUE(is_gone(groups[2]));
  EXPECT_EQ(::kill(-groups[1], SIGKILL), 0) << "it was not to be killed";
}

TEST_F(ProcessTables, one_that_does_not_hear_sigterm_is_killed) {
  ASSERT_TRUE(start("trap '' TERM; echo ready; while :; do tail -f /dev/null; done").has_value());
  ASSERT_EQ(printed(), "ready");
  ASSERT_TRUE(table_->stop("p", std::chrono::milliseconds(50)).has_value());
  EXPECT_TRUE(table_->memory().empty());
}

TEST_F(ProcessTables, one_that_is_paused_can_still_be_stopped) {
  ASSERT_TRUE(start("echo ready; exec tail -f /dev/null").has_value());
  ASSERT_EQ(printed(), "ready");
  ASSERT_TRUE(table_->pause("p").has_value());
  EXPECT_TRUE(table_->check_running().has_value()) << "paused is not ended";
  ASSERT_TRUE(table_->stop("p", std::chrono::seconds(20)).has_value());
  EXPECT_EQ(table_->resume("p").error().code(), Code::Stale);
}

TEST_F(ProcessTables, one_that_ends_by_itself_is_told_with_its_last_words) {
  ASSERT_TRUE(start("echo port in use; exit 1").has_value());
  const auto waiter = runtime_->make_waiter();
  Status running = table_->check_running();
  for (int i = 0; i < 2000 && running.has_value(); ++i) {
    (void)waiter->wait_for(std::chrono::milliseconds(5));
    running = table_->check_running();
  }
  EXPECT_EQ(running.error().message(), "process 'p' ended by itself; its last output: port in use\n");
}

}  // namespace
}  // namespace penstock::bench
