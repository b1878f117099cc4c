#include "bench/workload/link_table.h"

#include <gtest/gtest.h>

#include <array>

#include "runtime/threaded_runtime.h"

namespace penstock::bench {
namespace {

using namespace std::chrono_literals;

/// A server that is connected to through a link, and both ends of one connection.
class LinkTables : public ::testing::Test {
 public:
  ~LinkTables() override {
    links_.reset();
    runtime_->stop();
  }

 protected:
  LinkTables() {
    EXPECT_TRUE(links_->open("l", "127.0.0.1:0", server_->address()).has_value());
    client_ = rpc::TcpStream::connect(links_->address("l"), 20s).value();
    accepted_ = server_->accept().value();
  }
  std::string read(rpc::TcpStream& stream, runtime::Duration patience) {
    std::array<char, 100> bytes{};
    const auto count = stream.read_some(bytes, patience);
    if (count.has_error()) return std::string(code_name(count.error().code()));
    return {bytes.data(), count.value()};
  }

  const std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime();
  const std::unique_ptr<rpc::TcpListener> server_ = rpc::TcpListener::listen("127.0.0.1:0").value();
  std::unique_ptr<LinkTable> links_ = std::make_unique<LinkTable>(*runtime_);
  std::unique_ptr<rpc::TcpStream> client_, accepted_;
};

TEST_F(LinkTables, bytes_go_both_ways_until_one_end_closes) {
  ASSERT_TRUE(client_->write_all("ping").has_value());
  EXPECT_EQ(read(*accepted_, 20s), "ping");
  ASSERT_TRUE(accepted_->write_all("pong").has_value());
  EXPECT_EQ(read(*client_, 20s), "pong");
  accepted_.reset();
  EXPECT_EQ(read(*client_, 20s), "") << "the end";
}

TEST_F(LinkTables, a_cut_holds_bytes_back_and_loses_none) {
  ASSERT_TRUE(links_->set_cut("l", true).has_value());
  ASSERT_TRUE(client_->write_all("late").has_value());
  EXPECT_EQ(read(*accepted_, 100ms), code_name(Code::Timeout));
  ASSERT_TRUE(links_->set_cut("l", false).has_value());
  EXPECT_EQ(read(*accepted_, 20s), "late");
}

TEST_F(LinkTables, a_slow_link_takes_its_time) {
  ASSERT_TRUE(links_->set_delay("l", 80ms).has_value());
  const auto begun = runtime_->now();
  ASSERT_TRUE(client_->write_all("slow").has_value());
  EXPECT_EQ(read(*accepted_, 20s), "slow");
  EXPECT_GE(runtime_->now() - begun, 80ms);
}

TEST_F(LinkTables, a_target_that_is_away_closes_the_connection) {
  ASSERT_TRUE(links_->open("dead", "127.0.0.1:0", "127.0.0.1:1").has_value());
  const auto client = rpc::TcpStream::connect(links_->address("dead"), 20s).value();
  EXPECT_EQ(read(*client, 20s), "");
}

TEST_F(LinkTables, a_link_is_opened_once_and_known_by_its_name) {
  const std::string address = links_->address("l");
  EXPECT_TRUE(links_->open("l", "127.0.0.1:0", "127.0.0.1:1").has_value());
  EXPECT_EQ(links_->address("l"), address);
  EXPECT_EQ(links_->set_cut("m", true).error().code(), Code::Stale);
  EXPECT_EQ(links_->open("taken", address, "127.0.0.1:1").error().code(), Code::Io);
}

TEST_F(LinkTables, ends_while_it_is_cut_and_bytes_wait) {
  ASSERT_TRUE(links_->set_cut("l", true).has_value());
  ASSERT_TRUE(client_->write_all("never").has_value());
  links_.reset();
  EXPECT_EQ(read(*client_, 20s), "");
}

}  // namespace
}  // namespace penstock::bench
