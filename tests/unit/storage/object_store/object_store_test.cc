#include "storage/object_store/object_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "runtime/threaded_runtime.h"

namespace penstock::storage {
namespace {

class ObjectStores : public ::testing::Test {
 protected:
  ~ObjectStores() override {
    std::filesystem::remove_all(folder_);
    runtime_->stop();
  }
  std::unique_ptr<ObjectStore> open() {
    auto store = open_object_store({.url = "file://" + folder_}, "agent-1", *runtime_);
    EXPECT_TRUE(store.has_value());
    return std::move(store.value());
  }

  const std::string folder_ = ::testing::TempDir() + "/object-store-test";
  const std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime();
};

TEST_F(ObjectStores, a_folder_keeps_lists_and_removes_objects) {
  const auto store = open();
  ASSERT_TRUE(store->put("b", "22").has_value());
  ASSERT_TRUE(store->put("a", "1").has_value());
  ASSERT_TRUE(store->put("b", "").has_value());
  std::string bytes = "old";
  ASSERT_TRUE(store->get("b", bytes).has_value());
  EXPECT_EQ(bytes, "");
  EXPECT_EQ(store->head("a").value().bytes, 1U);
  const auto all = store->list("");
  ASSERT_EQ(all.value().size(), 2U);
  EXPECT_EQ(all.value()[0].name, "a");
  EXPECT_EQ(store->list("b").value().size(), 1U);
  ASSERT_TRUE(store->remove("a").has_value());
  EXPECT_TRUE(store->remove("a").has_value()) << "as S3 does";
  EXPECT_EQ(store->get("a", bytes).error().code(), Code::UndefinedObject);
  EXPECT_EQ(store->head("a").error().code(), Code::UndefinedObject);
}

TEST_F(ObjectStores, a_folder_hides_and_removes_what_was_never_finished) {
  const auto store = open();
  std::ofstream(folder_ + "/agent-1/.draft-7") << "half";
  EXPECT_TRUE(store->list("").value().empty());
  ASSERT_TRUE(store->remove_unfinished().has_value());
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/agent-1"));
}

TEST(ObjectLocations, are_checked_before_anything_is_opened) {
  const auto wrong = [](ObjectLocation location) { return check_location(location).error().message(); };
  EXPECT_TRUE(check_location({.url = "file:///x"}).has_value());
  EXPECT_TRUE(check_location({.url = "s3://bucket", .endpoint = "http://127.0.0.1:7070"}).has_value());
  EXPECT_EQ(wrong({.url = "/tmp"}), "'/tmp' is no place for objects; write file:///FOLDER or s3://BUCKET/PREFIX");
  EXPECT_EQ(wrong({.url = "s3://Bucket_"}), "'Bucket_' is no name of a bucket");
  EXPECT_EQ(wrong({.url = "s3:///p"}), "'' is no name of a bucket");
  EXPECT_EQ(wrong({.url = "s3://bucket", .endpoint = "127.0.0.1:7070"}),
            "'127.0.0.1:7070' is no endpoint; write http://HOST:PORT or https://HOST");
  EXPECT_EQ(wrong({.url = "s3://bucket", .endpoint = "http://h/path"}),
            "'http://h/path' is no endpoint; write http://HOST:PORT or https://HOST");
  EXPECT_EQ(wrong({.url = "s3://bucket", .part_bytes = 1000}), "parts have at least 5242880 bytes");
}

TEST_F(ObjectStores, s3_needs_credentials_and_says_when_nobody_answers) {
  const ObjectLocation nowhere{.url = "s3://bucket/p", .endpoint = "http://127.0.0.1:1"};
  ::unsetenv("AWS_ACCESS_KEY_ID");
  EXPECT_EQ(open_object_store(nowhere, "f", *runtime_).error().code(), Code::AuthenticationFailed);
  ::setenv("AWS_ACCESS_KEY_ID", "id", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
  const auto store = open_object_store(nowhere, "f", *runtime_);
  ASSERT_TRUE(store.has_value());
  const Status put = store.value()->put("x", "y");
  EXPECT_EQ(put.error().code(), Code::Unavailable);
  EXPECT_NE(put.error().message().find("http://127.0.0.1:1"), std::string::npos) << put.error().message();
}

}  // namespace
}  // namespace penstock::storage
