// Vnodes pulled from one node by another, over a network in memory.
#include <gtest/gtest.h>

#include "compute/transfer_server.h"
#include "compute/vnode_puller.h"
#include "proto/compute_service.pb.h"
#include "rpc/memory_transport.h"
#include "runtime/sim_runtime.h"
#include "storage/key_range.h"
#include "storage/memory/memory_state_store.h"
#include "storage/segment/segment_format.h"

namespace penstock::compute {
namespace {

using storage::GraphTerm;
constexpr GraphTerm kGraph{PartialGraphId{1}, Term{3}};
constexpr Epoch kEpoch{20};

std::string row_key(VNode vnode, std::string_view text) {
  std::string key;
  storage::append_vnode(key, vnode);
  return key.append(text);
}

class TransferService final : public rpc::Service {
 public:
  explicit TransferService(TransferServer& server) : server_(server) {}
  void call(std::string_view, rpc::Bytes, Reply reply) override { reply(error(Code::NotSupported, "none")); }
  Result<Accepted> open(std::string_view method, std::shared_ptr<rpc::Stream> stream) override {
    EXPECT_EQ(method, "/penstock.Compute/Transfer");
    return server_.open(std::move(stream));
  }

 private:
  TransferServer& server_;
};

/// Old owners "a" and "b", a new owner "new"; the graph has committed `kEpoch` everywhere unless a test says otherwise.
class TransferTest : public ::testing::Test {
 protected:
  struct Owner {
    explicit Owner(runtime::Runtime& runtime) : server(runtime, store) {}
    storage::MemoryStateStore store;
    TransferServer server;
    std::unique_ptr<rpc::Transport> transport;
    std::unique_ptr<rpc::Listener> listener;
  };

  TransferTest() {
    for (const char* name : {"a", "b"}) {
      auto owner = std::make_unique<Owner>(runtime_);
      owner->transport = network_.transport(name);
      owner->listener = std::move(owner->transport->listen(name, std::make_shared<TransferService>(owner->server)).value());
      owners_[name] = std::move(owner);
      open(owners_[name]->store);
    }
    open(store_);
  }
  ~TransferTest() override { runtime_.stop(); }

  static void open(storage::StateStore& store) {
    EXPECT_TRUE(store.open_graph(kGraph, Epoch{10}, {}).has_value());
    EXPECT_TRUE(store.start_epoch(kGraph.graph, kEpoch, {}).has_value());
  }
  static void put(storage::StateStore& store, uint32_t table, const std::vector<std::pair<std::string, std::string>>& rows) {
    auto local = store.open_table({TableId{table}, kGraph.graph, VNodeBitmap::all(), "t"});
    ASSERT_TRUE(local.value()->init({Epoch{10}, kEpoch}).has_value());
    storage::WriteBatch batch;
    for (const auto& [key, value] : rows) batch.put(key, value);
    ASSERT_TRUE(local.value()->append(std::move(batch)).has_value());
    ASSERT_TRUE(local.value()->seal_current_epoch({kEpoch, Epoch{30}}).has_value());
  }
  static std::vector<storage::SegmentInfo> sync(storage::StateStore& store) {
    EXPECT_TRUE(store.start_epoch(kGraph.graph, Epoch{30}, {}).has_value());
    return std::move(store.sync_epoch(kGraph, kEpoch, {}).value());
  }
  static void commit(storage::StateStore& store) {
    sync(store);
    EXPECT_TRUE(store.commit_epoch(kGraph.graph, kEpoch, {}, {}).has_value());
  }

  stream::TransferVnodes order(std::vector<std::pair<std::string, std::vector<VNode>>> parts, std::vector<TableId> tables = {TableId{1}}) {
    stream::TransferVnodes out{kGraph, kEpoch, {}};
    for (const auto& [from, list] : parts) {
      VNodeBitmap vnodes(256);
      for (const VNode v : list) vnodes.add(v);
      out.parts.push_back({WorkerId{1}, from, tables, std::move(vnodes)});
    }
    return out;
  }
  void pull(stream::TransferVnodes order) {
    puller_.pull(std::move(order), [this](Result<std::vector<storage::SegmentInfo>> files) {
      EXPECT_FALSE(answer_) << "answered twice";
      answer_.emplace(std::move(files));
    });
  }
  /// Adopts what came, as after the commit that names it; rows of the table as "vnode/key=value".
  std::string adopted(uint32_t table = 1) {
    std::vector<storage::SegmentRef> live = own_;
    for (const storage::SegmentInfo& file : answer_->value()) live.push_back(file.ref);
    store_.clear(kGraph.graph);
    EXPECT_TRUE(store_.open_graph({kGraph.graph, Term{4}}, kEpoch, live, std::nullopt).has_value());
    auto rows = store_.read_committed(kGraph.graph, TableId{table}, kEpoch).value()->scan({});
    std::string out;
    while (rows.value()->next().value()) {
      const std::string_view key = rows.value()->key();
      out += fmt::format("{}{}/{}={}", out.empty() ? "" : " ", static_cast<uint8_t>(key[1]), key.substr(2), rows.value()->value());
    }
    return out;
  }

  runtime::SimRuntime runtime_{1};
  rpc::MemoryNetwork network_{runtime_};
  std::map<std::string, std::unique_ptr<Owner>> owners_;
  storage::MemoryStateStore store_;
  std::vector<storage::SegmentRef> own_;
  std::unique_ptr<rpc::Transport> transport_ = network_.transport("new");
  VnodePuller puller_{runtime_, *transport_, store_};
  std::optional<Result<std::vector<storage::SegmentInfo>>> answer_;
};

TEST_F(TransferTest, rows_of_several_owners_and_tables_arrive) {
  put(owners_["a"]->store, 1, {{row_key(1, "x"), "1"}, {row_key(2, "y"), "2"}, {row_key(9, "not asked"), "3"}});
  put(owners_["a"]->store, 2, {{row_key(2, "z"), "4"}});
  put(owners_["b"]->store, 1, {{row_key(7, "w"), "5"}});
  for (auto& [name, owner] : owners_) commit(owner->store);
  commit(store_);
  pull(order({{"a", {1, 2}}, {"b", {7}}}, {TableId{1}, TableId{2}}));
  runtime_.run_for(std::chrono::seconds(1));
  ASSERT_TRUE(answer_ && answer_->has_value()) << (answer_ ? answer_->error().to_string() : "no answer");
  EXPECT_EQ(adopted(1), "1/x=1 2/y=2 7/w=5");
  EXPECT_EQ(adopted(2), "2/z=4");
}

TEST_F(TransferTest, vnodes_without_rows_need_no_file) {
  for (auto& [name, owner] : owners_) commit(owner->store);
  commit(store_);
  pull(order({{"a", {1}}}));
  runtime_.run_for(std::chrono::seconds(1));
  ASSERT_TRUE(answer_ && answer_->has_value());
  EXPECT_TRUE(answer_->value().empty());
}

TEST_F(TransferTest, more_than_the_window_comes_frame_by_frame) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (int i = 0; i < 200; ++i) rows.emplace_back(row_key(1, fmt::format("{:04}", i)), std::string(100'000, 'x'));
  put(owners_["a"]->store, 1, rows);
  commit(owners_["a"]->store);
  commit(store_);
  network_.set_delay(std::chrono::microseconds(50), std::chrono::milliseconds(2));
  pull(order({{"a", {1}}}));
  runtime_.run_for(std::chrono::seconds(5));
  ASSERT_TRUE(answer_ && answer_->has_value());
  EXPECT_EQ(answer_->value()[0].rows, 200U);
}

TEST_F(TransferTest, an_old_owner_that_has_not_heard_of_the_commit_is_waited_for) {
  put(owners_["a"]->store, 1, {{row_key(1, "x"), "1"}});
  sync(owners_["a"]->store);
  commit(store_);
  pull(order({{"a", {1}}}));
  runtime_.run_for(std::chrono::seconds(2));
  EXPECT_FALSE(answer_);
  ASSERT_TRUE(owners_["a"]->store.commit_epoch(kGraph.graph, kEpoch, {}, {}).has_value());
  runtime_.run_for(std::chrono::seconds(1));
  ASSERT_TRUE(answer_ && answer_->has_value());
  EXPECT_EQ(adopted(), "1/x=1");
}

TEST_F(TransferTest, an_old_owner_that_never_hears_of_it_gives_no_fewer_rows_but_an_error) {
  put(owners_["a"]->store, 1, {{row_key(1, "x"), "1"}});
  sync(owners_["a"]->store);
  commit(store_);
  pull(order({{"a", {1}}}));
  runtime_.run_for(std::chrono::seconds(10));
  ASSERT_TRUE(answer_ && answer_->has_error());
  EXPECT_EQ(answer_->error().code(), Code::SnapshotTooOld);
}

TEST_F(TransferTest, an_old_owner_that_dies_half_way_ends_it) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (int i = 0; i < 300; ++i) rows.emplace_back(row_key(1, fmt::format("{:04}", i)), std::string(100'000, 'x'));
  put(owners_["a"]->store, 1, rows);
  commit(owners_["a"]->store);
  commit(store_);
  network_.set_delay(std::chrono::milliseconds(5), std::chrono::milliseconds(10));
  pull(order({{"a", {1}}}));
  runtime_.run_for(std::chrono::milliseconds(60));
  EXPECT_FALSE(answer_);
  network_.kill("a");
  runtime_.run_for(std::chrono::seconds(1));
  ASSERT_TRUE(answer_ && answer_->has_error());
}

TEST_F(TransferTest, an_old_owner_that_falls_silent_ends_it) {
  commit(owners_["a"]->store);
  commit(store_);
  network_.set_delay(std::chrono::microseconds(1), std::chrono::microseconds(2));
  network_.partition("new", "a");
  pull(order({{"a", {1}}}));
  runtime_.run_for(VnodePuller::kPatience + std::chrono::seconds(1));
  ASSERT_TRUE(answer_ && answer_->has_error());
}

TEST_F(TransferTest, what_is_cancelled_is_answered_and_leaves_nothing) {
  put(owners_["a"]->store, 1, {{row_key(1, "x"), "1"}});
  sync(owners_["a"]->store);  // it will wait
  commit(store_);
  pull(order({{"a", {1}}}));
  runtime_.run_for(std::chrono::milliseconds(100));
  puller_.cancel(kGraph);
  runtime_.run_for(std::chrono::milliseconds(100));
  ASSERT_TRUE(answer_ && answer_->has_error());
  EXPECT_EQ(answer_->error().code(), Code::Cancelled);
  EXPECT_EQ(store_.usage().segment_bytes, 0U);
}

// ---- ahead, while the graph runs

class CopyAheadTest : public TransferTest {
 protected:
  static constexpr Epoch kLater{30};

  /// The order of the graph's last epoch, or the one ahead of it.
  stream::TransferVnodes copy(std::vector<std::pair<std::string, std::vector<VNode>>> parts) {
    auto out = order(std::move(parts));
    out.ahead = true;
    return out;
  }
  /// Another checkpoint of the node, with these rows; without value: deleted.
  static void change(storage::StateStore& store, const std::vector<std::pair<std::string, std::optional<std::string>>>& rows) {
    auto local = store.open_table({TableId{1}, kGraph.graph, VNodeBitmap::all(), "t"});
    ASSERT_TRUE(local.value()->init({kEpoch, kLater}).has_value());
    storage::WriteBatch batch;
    for (const auto& [key, value] : rows) value ? batch.put(key, *value) : batch.erase(key);
    ASSERT_TRUE(local.value()->append(std::move(batch)).has_value());
    ASSERT_TRUE(store.start_epoch(kGraph.graph, Epoch{40}, {}).has_value());
    ASSERT_TRUE(local.value()->seal_current_epoch({kLater, Epoch{40}}).has_value());
    const auto synced = store.sync_epoch(kGraph, kLater, {});
    ASSERT_TRUE(synced.has_value()) << synced.error().to_string();
    ASSERT_TRUE(store.commit_epoch(kGraph.graph, kLater, {}, {}).has_value());
  }
  void commit_everywhere() {
    for (auto& [name, owner] : owners_) commit(owner->store);
    commit(store_);
  }
  void stop_and_pull(std::vector<std::pair<std::string, std::vector<VNode>>> parts) {
    answer_.reset();
    auto last = order(std::move(parts));
    last.epoch = kLater;
    pull(std::move(last));
    runtime_.run_for(std::chrono::seconds(1));
  }
  std::string adopted_later() {
    std::vector<storage::SegmentRef> live = own_;
    for (const storage::SegmentInfo& file : answer_->value()) live.push_back(file.ref);
    store_.clear(kGraph.graph);
    EXPECT_TRUE(store_.open_graph({kGraph.graph, Term{4}}, kLater, live, std::nullopt).has_value());
    auto rows = store_.read_committed(kGraph.graph, TableId{1}, kLater).value()->scan({});
    std::string out;
    while (rows.value()->next().value()) {
      const std::string_view key = rows.value()->key();
      out += fmt::format("{}{}/{}={}", out.empty() ? "" : " ", static_cast<uint8_t>(key[1]), key.substr(2), rows.value()->value());
    }
    return out;
  }
};

TEST_F(CopyAheadTest, only_what_has_changed_comes_when_the_graph_has_stopped) {
  put(owners_["a"]->store, 1, {{row_key(1, "big"), std::string(3'000'000, 'x')}, {row_key(1, "changes"), "1"}, {row_key(1, "goes"), "1"}});
  put(owners_["b"]->store, 1, {{row_key(7, "w"), "5"}});
  commit_everywhere();
  pull(copy({{"a", {1}}, {"b", {7}}}));
  runtime_.run_for(std::chrono::seconds(1));
  ASSERT_TRUE(answer_ && answer_->has_value()) << (answer_ ? answer_->error().to_string() : "no answer");
  EXPECT_TRUE(answer_->value().empty()) << "the files are not to be listed yet";
  change(owners_["a"]->store,
         {{row_key(1, "changes"), "2"}, {row_key(1, "comes"), "2"}, {row_key(1, "goes"), std::nullopt}, {row_key(2, "stays"), "2"}});
  change(owners_["b"]->store, {});
  change(store_, {});
  stop_and_pull({{"a", {1}}, {"b", {7}}});
  ASSERT_TRUE(answer_ && answer_->has_value()) << (answer_ ? answer_->error().to_string() : "no answer");
  uint64_t rows = 0;
  for (const auto& file : answer_->value()) rows += file.rows;
  EXPECT_EQ(rows, 3U + 1U + 3U) << "what was copied ahead, and what has changed";
  EXPECT_EQ(adopted_later(), fmt::format("1/big={} 1/changes=2 1/comes=2 7/w=5", std::string(3'000'000, 'x')));
}

TEST_F(CopyAheadTest, what_was_copied_for_another_plan_is_of_no_use) {
  put(owners_["a"]->store, 1, {{row_key(1, "x"), "1"}, {row_key(2, "y"), "1"}});
  commit_everywhere();
  pull(copy({{"a", {1}}}));
  runtime_.run_for(std::chrono::seconds(1));
  for (auto& [name, owner] : owners_) change(owner->store, {});
  change(store_, {});
  stop_and_pull({{"a", {1, 2}}});
  ASSERT_TRUE(answer_ && answer_->has_value()) << (answer_ ? answer_->error().to_string() : "no answer");
  EXPECT_EQ(adopted_later(), "1/x=1 2/y=1");
}

TEST_F(CopyAheadTest, an_old_owner_that_began_anew_meanwhile_sends_everything) {
  put(owners_["a"]->store, 1, {{row_key(1, "x"), "1"}});
  commit_everywhere();
  pull(copy({{"a", {1}}}));
  runtime_.run_for(std::chrono::seconds(1));
  ASSERT_TRUE(answer_ && answer_->has_value());
  storage::StateStore& old = owners_["a"]->store;
  old.remove_graph(kGraph.graph);
  ASSERT_TRUE(old.open_graph(kGraph, kEpoch, {}, std::nullopt).has_value());
  ASSERT_TRUE(old.start_epoch(kGraph.graph, kLater, {}).has_value());
  change(owners_["a"]->store, {{row_key(1, "x"), "2"}});
  change(store_, {});
  stop_and_pull({{"a", {1}}});
  ASSERT_TRUE(answer_ && answer_->has_value()) << (answer_ ? answer_->error().to_string() : "no answer");
  EXPECT_EQ(adopted_later(), "1/x=2");
}

TEST_F(CopyAheadTest, what_is_cancelled_while_it_is_kept_is_pulled_as_a_whole_the_next_time) {
  put(owners_["a"]->store, 1, {{row_key(1, "x"), "1"}});
  commit_everywhere();
  pull(copy({{"a", {1}}}));
  runtime_.run_for(std::chrono::seconds(1));
  puller_.cancel(kGraph);
  change(owners_["a"]->store, {{row_key(1, "y"), "2"}});
  change(store_, {});
  stop_and_pull({{"a", {1}}});
  ASSERT_TRUE(answer_ && answer_->has_value());
  EXPECT_EQ(adopted_later(), "1/x=1 1/y=2");
}

/// An old owner that has no rows, and says so once more after this time.
class EchoingService final : public rpc::Service {
 public:
  EchoingService(runtime::Runtime& runtime, runtime::Duration pause)
      : runtime_(runtime), pause_(pause), loop_(runtime.make_serial("echoing", false)) {}
  void call(std::string_view, rpc::Bytes, Reply reply) override { reply(error(Code::NotSupported, "none")); }
  Result<Accepted> open(std::string_view, std::shared_ptr<rpc::Stream> stream) override {
    rpc::StreamEvents events;
    events.on_message = [this, stream](const rpc::Bytes& bytes) {
      pb::TransferFrame frame;
      ASSERT_TRUE(frame.ParseFromString(bytes));
      if (!frame.has_open()) return;
      frame.mutable_rows()->set_table(1);
      frame.mutable_rows()->set_last(true);
      storage::encode_block_rows({}, 0, 0, *frame.mutable_rows()->mutable_rows());
      stream->write(frame.SerializeAsString());
      timer_ = runtime_.after(pause_, *loop_, [stream, frame] { stream->write(frame.SerializeAsString()); });
    };
    events.on_closed = [](const Status&) {};
    return Accepted{loop_.get(), std::move(events)};
  }

 private:
  runtime::Runtime& runtime_;
  const runtime::Duration pause_;
  std::unique_ptr<runtime::Executor> loop_;
  runtime::Timer timer_;
};

TEST_F(CopyAheadTest, what_an_old_owner_sends_after_its_end_harms_nobody) {
  commit_everywhere();
  auto transport = network_.transport("echo");
  const auto service = std::make_shared<EchoingService>(runtime_, std::chrono::milliseconds(100));
  const auto listener = std::move(transport->listen("echo", service).value());
  pull(copy({{"echo", {3}}}));
  runtime_.run_for(std::chrono::seconds(1));
  ASSERT_TRUE(answer_ && answer_->has_value()) << (answer_ ? answer_->error().to_string() : "no answer");
  change(store_, {});
  stop_and_pull({{"echo", {3}}});
  ASSERT_TRUE(answer_ && answer_->has_value()) << (answer_ ? answer_->error().to_string() : "no answer");
  EXPECT_EQ(adopted_later(), "") << "pulled as a whole: its stream of the copy is closed";
}

TEST_F(CopyAheadTest, what_nobody_asks_for_is_not_kept_for_ever) {
  put(owners_["a"]->store, 1, {{row_key(1, "x"), "1"}});
  commit_everywhere();
  pull(copy({{"a", {1}}}));
  runtime_.run_for(std::chrono::minutes(11));
  change(owners_["a"]->store, {{row_key(1, "y"), "2"}});
  change(store_, {});
  stop_and_pull({{"a", {1}}});
  ASSERT_TRUE(answer_ && answer_->has_value()) << (answer_ ? answer_->error().to_string() : "no answer");
  uint64_t rows = 0;
  for (const auto& file : answer_->value()) rows += file.rows;
  EXPECT_EQ(rows, 2U) << "all of them, in files of the last order";
  EXPECT_EQ(adopted_later(), "1/x=1 1/y=2");
}

TEST_F(CopyAheadTest, changes_are_asked_for_once_and_only_of_a_transfer_that_follows) {
  commit_everywhere();
  std::optional<Status> closed;
  const auto executor = runtime_.make_serial("client", false);
  rpc::StreamEvents own;
  own.on_message = [](const rpc::Bytes&) {};
  own.on_closed = [&](const Status& reason) { closed = reason; };
  const auto stream = transport_->connect("a", "/penstock.Compute/Transfer", *executor, std::move(own));
  pb::TransferFrame frame;
  frame.mutable_changes()->set_epoch(kEpoch.value);
  stream->write(frame.SerializeAsString());
  runtime_.run_for(std::chrono::seconds(1));
  ASSERT_TRUE(closed && closed->has_error());
  EXPECT_EQ(closed->error().code(), Code::Protocol);
}

TEST_F(TransferTest, bytes_that_are_no_frame_end_the_stream) {
  std::optional<Status> closed;
  const auto executor = runtime_.make_serial("client", false);
  for (const bool open : {false, true}) {
    closed.reset();
    rpc::StreamEvents own;
    own.on_message = [](const rpc::Bytes&) {};
    own.on_closed = [&](const Status& reason) { closed = reason; };
    const auto stream = transport_->connect("a", "/penstock.Compute/Transfer", *executor, std::move(own));
    pb::TransferFrame frame;
    frame.mutable_open()->set_vnode_count(1 << 20);
    stream->write(open ? frame.SerializeAsString() : std::string("\xff\xff\xff"));
    runtime_.run_for(std::chrono::seconds(1));
    ASSERT_TRUE(closed && closed->has_error()) << open;
    EXPECT_EQ(closed->error().code(), Code::Protocol);
  }
}

}  // namespace
}  // namespace penstock::compute
