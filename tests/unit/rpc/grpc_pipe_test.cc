#include "rpc/grpc_pipe.h"

#include "rpc/error_codec.h"
#include "rpc/grpc_frame.h"
#include "runtime/random.h"
#include "unit/rpc/transport_fixture.h"

namespace penstock::rpc {
namespace {

GrpcFrame decoded(const grpc::ByteBuffer& buffer) { return GrpcFrame::decode(buffer).value(); }

grpc::ByteBuffer raw(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return {&slice, 1};
}

TEST(GrpcFrame, keeps_payloads_of_every_size) {
  for (const size_t size : {0U, 1U, 1022U, 1023U, 1024U, 1025U, 1'000'000U}) {
    const Bytes payload(size, 'p');
    const GrpcFrame frame = decoded(GrpcFrame::encode(GrpcFrame::Kind::Message, payload));
    EXPECT_EQ(frame.kind, GrpcFrame::Kind::Message);
    EXPECT_EQ(frame.payload, payload);
  }
  EXPECT_EQ(decoded(GrpcFrame::encode(GrpcFrame::Kind::End, "")).kind, GrpcFrame::Kind::End);
}

TEST(GrpcFrame, refuses_what_has_no_kind_it_knows) {
  EXPECT_EQ(GrpcFrame::decode(raw("")).error().code(), Code::Protocol);
  EXPECT_EQ(GrpcFrame::decode(raw("\x07hello")).error().code(), Code::Protocol);
  EXPECT_EQ(GrpcFrame::decode(grpc::ByteBuffer()).error().code(), Code::Protocol);
}

TEST(GrpcFrame, survives_random_bytes) {
  runtime::SplitMix random(5);
  for (int i = 0; i < 2'000; ++i) {
    std::string bytes(random.below(40), '\0');
    for (char& c : bytes) c = static_cast<char>(random.next());
    const auto frame = GrpcFrame::decode(raw(bytes));
    EXPECT_EQ(frame.has_value(), !bytes.empty() && (bytes[0] == 0 || bytes[0] == 1));
  }
}

// Records what the pipe starts; the test completes it.
class FakeWire final : public GrpcPipe::Wire {
 public:
  void start_read(grpc::ByteBuffer* into) override {
    log += "read ";
    reading = into;
  }
  void start_write(const grpc::ByteBuffer* frame) override {
    const GrpcFrame written = decoded(*frame);
    log += written.kind == GrpcFrame::Kind::End ? "end-frame " : fmt::format("write:{} ", written.payload.substr(0, 8));
  }
  bool end_writes() override {
    log += "end ";
    return reads_go_on;
  }
  void release() override { log += "release "; }
  void cancel() override { log += "cancel "; }

  std::string take() { return std::exchange(log, ""); }

  std::string log;
  grpc::ByteBuffer* reading = nullptr;
  bool reads_go_on = true;
};

class GrpcPipeTest : public ::testing::Test {
 protected:
  GrpcPipeTest() {
    pipe_->inbox().start(*gate_, heard_->events());
    pipe_->attach(wire_);
  }
  void start() {
    pipe_->on_started(true);
    EXPECT_EQ(wire_.take(), "read ");
  }
  void receive(grpc::ByteBuffer frame) {
    *wire_.reading = std::move(frame);
    pipe_->on_read(true);
  }
  void receive_message(Bytes payload) { receive(GrpcFrame::encode(GrpcFrame::Kind::Message, std::move(payload))); }
  void receive_end(const Status& status) { receive(GrpcFrame::encode(GrpcFrame::Kind::End, encode_status(status))); }
  std::optional<Status> end() {
    gate_->open();
    sim_.run_until_idle();
    return heard_->ended() ? std::optional(heard_->wait_for_end()) : std::nullopt;
  }

  runtime::SimRuntime sim_;
  FakeWire wire_;
  std::unique_ptr<Gate> gate_ = std::make_unique<Gate>(sim_.pool());
  std::shared_ptr<Recorder> heard_ = std::make_shared<Recorder>(sim_);
  std::shared_ptr<GrpcPipe> pipe_ = std::make_shared<GrpcPipe>(sim_, 10s, "peer:1");
};

TEST_F(GrpcPipeTest, writes_one_at_a_time_and_only_once_started) {
  EXPECT_TRUE(pipe_->write("a"));
  EXPECT_TRUE(pipe_->write("b"));
  EXPECT_EQ(wire_.take(), "");
  pipe_->on_started(true);
  EXPECT_EQ(wire_.take(), "write:a read ");
  EXPECT_EQ(pipe_->queued_bytes(), 2U);
  pipe_->on_written(true);
  EXPECT_EQ(wire_.take(), "write:b ");
  pipe_->on_written(true);
  EXPECT_EQ(pipe_->queued_bytes(), 0U);
}

TEST_F(GrpcPipeTest, close_ends_writes_after_what_was_written_and_reads_to_the_end) {
  start();
  pipe_->write("a");
  pipe_->close(ok(), ok());
  EXPECT_FALSE(pipe_->write("late"));
  EXPECT_EQ(wire_.take(), "write:a ");
  pipe_->on_written(true);
  EXPECT_EQ(wire_.take(), "end-frame ");
  pipe_->on_written(true);
  EXPECT_EQ(wire_.take(), "end ");
  receive_message("nobody wants this");
  EXPECT_EQ(wire_.take(), "read ");
  pipe_->on_read(false);
  EXPECT_EQ(wire_.take(), "release ");
  pipe_->on_done(error(Code::Closed, "too late to matter"));
  EXPECT_TRUE(end()->has_value());
  EXPECT_TRUE(heard_->messages().empty());
}

TEST_F(GrpcPipeTest, end_of_the_peer_drops_what_nobody_will_read) {
  start();
  pipe_->write("under way");
  pipe_->write("dropped");
  EXPECT_EQ(wire_.take(), "write:under wa ");
  receive_message("before");
  receive_end(error(Code::Cancelled, "enough"));
  EXPECT_EQ(wire_.take(), "read read ");
  pipe_->on_written(true);
  EXPECT_EQ(wire_.take(), "end ");
  EXPECT_EQ(pipe_->queued_bytes(), 0U);
  pipe_->on_read(false);
  EXPECT_EQ(wire_.take(), "release ");
  EXPECT_EQ(end()->error().code(), Code::Cancelled);
  EXPECT_EQ(heard_->messages(), std::vector<Bytes>{"before"});
}

TEST_F(GrpcPipeTest, server_that_has_finished_starts_no_more_reads) {
  wire_.reads_go_on = false;
  start();
  pipe_->close(ok(), ok());
  EXPECT_EQ(wire_.take(), "end-frame ");
  receive_message("x");
  EXPECT_EQ(wire_.take(), "read ");
  pipe_->on_written(true);
  EXPECT_EQ(wire_.take(), "end ");
  pipe_->on_read(false);
  EXPECT_EQ(wire_.take(), "release ");
}

TEST_F(GrpcPipeTest, connection_that_was_never_made_ends_with_the_reason_of_grpc) {
  pipe_->write("a");
  pipe_->on_started(false);
  EXPECT_EQ(wire_.take(), "release ");
  pipe_->on_done(error(Code::Unavailable, "cannot reach"));
  EXPECT_EQ(end()->error().code(), Code::Unavailable);
  EXPECT_EQ(pipe_->queued_bytes(), 0U);
}

TEST_F(GrpcPipeTest, broken_connection_ends_once) {
  start();
  pipe_->write("a");
  pipe_->on_cancelled();
  pipe_->on_written(false);
  pipe_->on_read(false);
  EXPECT_EQ(wire_.take(), "write:a end release ");
  pipe_->on_done(error(Code::Unavailable, "later reason"));
  EXPECT_EQ(end()->error().code(), Code::Closed);
  EXPECT_FALSE(pipe_->write("x"));
}

TEST_F(GrpcPipeTest, unreadable_frame_breaks_the_stream_off) {
  start();
  receive(raw("\x42nonsense"));
  EXPECT_EQ(wire_.take(), "cancel end read ");
  EXPECT_EQ(end()->error().code(), Code::Protocol);
}

TEST_F(GrpcPipeTest, unreadable_end_is_an_end_that_says_so) {
  start();
  receive(GrpcFrame::encode(GrpcFrame::Kind::End, "garbage"));
  EXPECT_EQ(end()->error().code(), Code::Protocol);
}

TEST_F(GrpcPipeTest, reading_pauses_while_the_owner_lags_behind) {
  start();
  const Bytes half(GrpcPipe::kWindow / 2, 'x');
  receive_message(half);
  EXPECT_EQ(wire_.take(), "read ");
  receive_message(half);
  EXPECT_EQ(wire_.take(), "");
  gate_->open();
  sim_.run_until_idle();
  EXPECT_EQ(wire_.take(), "read ");
  EXPECT_EQ(heard_->messages().size(), 2U);
}

TEST_F(GrpcPipeTest, owner_that_lags_behind_and_closes_lets_reading_go_on_to_the_end) {
  start();
  receive_message(Bytes(GrpcPipe::kWindow, 'x'));
  EXPECT_EQ(wire_.take(), "");
  pipe_->close(ok(), ok());
  EXPECT_EQ(wire_.take(), "end-frame read ");
}

TEST_F(GrpcPipeTest, closed_stream_that_does_not_come_to_its_end_is_cancelled) {
  start();
  pipe_->write("never taken");
  pipe_->close(ok(), ok());
  wire_.take();
  sim_.run_for(9s);
  EXPECT_EQ(wire_.take(), "");
  sim_.run_for(2s);
  EXPECT_EQ(wire_.take(), "cancel ");
}

TEST_F(GrpcPipeTest, torn_down_stream_tells_nobody) {
  start();
  receive_message("x");
  wire_.take();
  pipe_->tear_down();
  EXPECT_EQ(wire_.take(), "cancel end ");
  EXPECT_EQ(end(), std::nullopt);
  EXPECT_TRUE(heard_->messages().empty());
}

}  // namespace
}  // namespace penstock::rpc
