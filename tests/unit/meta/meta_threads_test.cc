#include <gtest/gtest.h>

#include <filesystem>

#include "meta/meta_node.h"
#include "proto/meta_service.pb.h"
#include "rpc/memory_transport.h"
#include "runtime/threaded_runtime.h"
#include "unit/meta/plans.h"

namespace penstock::meta {
namespace {

/// A meta on real threads with RocksDB, and a caller.
class MetaThreads : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "penstock-meta-node-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    start();
  }
  void TearDown() override {
    meta_.reset();
    runtime_->stop();
    std::filesystem::remove_all(folder_);
  }
  void start() {
    MetaNode::Options options;
    options.data_dir = folder_;
    transport_ = network_.transport("meta");
    auto started = MetaNode::start(options, *runtime_, *transport_, "meta");
    ASSERT_TRUE(started.has_value()) << started.error().to_string();
    meta_ = std::move(started).value();
  }
  Result<rpc::Bytes> call(std::string_view method, const google::protobuf::Message& request,
                          runtime::Duration timeout = std::chrono::seconds(20)) {
    return client_->call_and_wait(*runtime_, "meta", fmt::format("/penstock.Meta/{}", method), request.SerializeAsString(), timeout);
  }

  std::string folder_;
  std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime();
  rpc::MemoryNetwork network_{*runtime_};
  std::unique_ptr<rpc::Transport> transport_;
  std::unique_ptr<rpc::Transport> client_ = network_.transport("client");
  std::unique_ptr<MetaNode> meta_;
};

TEST_F(MetaThreads, what_was_answered_is_there_after_a_restart) {
  ASSERT_TRUE(call("CreateObject", testing::source("s")).has_value());
  const std::string cluster = meta_->cluster_id();
  for (int i = 0; i < 3; ++i) {
    meta_.reset();
    start();
    EXPECT_EQ(meta_->cluster_id(), cluster);
    EXPECT_EQ(call("CreateObject", testing::source("s")).error().code(), Code::DuplicateTable);
  }
}

TEST_F(MetaThreads, ends_while_callers_wait_and_tells_them) {
  const auto waiter = runtime_->make_waiter();
  Result<rpc::Bytes> answer = error(Code::Internal, "not answered");
  client_->call("meta", "/penstock.Meta/CreateObject", testing::table("t").SerializeAsString(), std::chrono::seconds(20), runtime_->pool(),
                [&](Result<rpc::Bytes> result) {
                  answer = std::move(result);
                  waiter->notify();
                });
  pb::FlushRequest flush;
  flush.set_database_id(1);
  ASSERT_TRUE(call("Flush", flush).has_value());
  meta_.reset();
  ASSERT_TRUE(waiter->wait_for(std::chrono::seconds(20)));
  EXPECT_TRUE(answer.has_error());
}

TEST_F(MetaThreads, shuts_down_in_good_order) {
  const auto waiter = runtime_->make_waiter();
  meta_->shutdown([waiter] { waiter->notify(); });
  EXPECT_TRUE(waiter->wait_for(std::chrono::seconds(20)));
}

TEST_F(MetaThreads, ends_although_the_runtime_has_stopped_before) {
  ASSERT_TRUE(call("CreateObject", testing::source("s")).has_value());
  runtime_->stop();
  meta_.reset();
}

TEST_F(MetaThreads, a_second_meta_on_the_folder_is_refused) {
  MetaNode::Options options;
  options.data_dir = folder_;
  const auto other = network_.transport("other");
  EXPECT_EQ(MetaNode::start(options, *runtime_, *other, "other").error().code(), Code::ObjectInUse);
}

}  // namespace
}  // namespace penstock::meta
