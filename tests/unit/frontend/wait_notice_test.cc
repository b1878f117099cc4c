#include "frontend/wait_notice.h"

#include <gtest/gtest.h>

#include "rpc/memory_transport.h"
#include "runtime/sim_runtime.h"

namespace penstock::frontend {
namespace {

using namespace std::chrono_literals;

/// Answers WhyWaiting with `reason` and nothing else.
struct FakeMeta : rpc::Service {
  std::string reason;
  bool mute = false;
  std::vector<Reply> kept;
  uint32_t asked = 0;
  void call(std::string_view method, rpc::Bytes, Reply reply) override {
    if (method != "/penstock.Meta/WhyWaiting" || mute) return kept.push_back(std::move(reply));
    ++asked;
    pb::WhyWaitingReply answer;
    answer.add_databases()->set_reason(reason);
    reply(answer.SerializeAsString());
  }
  Result<Accepted> open(std::string_view, std::shared_ptr<rpc::Stream>) override { return error(Code::NotSupported, "none"); }
};

struct World {
  runtime::SimRuntime sim;
  rpc::MemoryNetwork network{sim};
  std::unique_ptr<rpc::Transport> server = network.transport("meta");
  std::unique_ptr<rpc::Transport> transport = network.transport("frontend");
  std::shared_ptr<FakeMeta> service = std::make_shared<FakeMeta>();  // shared with the listener
  std::unique_ptr<rpc::Listener> listener = server->listen("meta", service).value();
  MetaClient meta{sim, *transport, "meta"};
  std::unique_ptr<runtime::Executor> serial = sim.make_serial("test", false);
  CancelFlag cancelled{false};
  std::vector<std::string> said;  // "2 s: text"

  ~World() {
    for (auto& reply : service->kept) reply(rpc::Bytes());
    sim.run_until_idle();
  }
  Result<rpc::Bytes> wait(const WaitNotice::Say& say) {
    return meta.call("/penstock.Meta/Flush", "", 24h, &cancelled, WaitNotice(sim, meta, {}, say));
  }
  Result<rpc::Bytes> wait() {
    const runtime::TimePoint began = sim.now();
    return wait([this, began](const std::string& text) {
      said.push_back(fmt::format("{} s: {}", (sim.now() - began) / 1s, text));
      return ok();
    });
  }
  runtime::Timer at(runtime::Duration when, runtime::Job job) { return sim.after(when, *serial, std::move(job)); }
};

TEST(WaitNotice, tells_the_client_while_the_statement_waits_and_again_when_the_reason_changes) {
  World world;
  world.service->reason = "database dev is paused";
  const auto change = world.at(10s, [&] { world.service->reason = "database dev recovers: x"; });
  const auto cancel = world.at(60s, [&] { world.cancelled = true; });
  EXPECT_EQ(world.wait().error().code(), Code::Cancelled);
  EXPECT_EQ(world.said, (std::vector<std::string>{"2 s: the statement waits: database dev is paused",
                                                  "10 s: the statement waits: database dev recovers: x"}));
}

TEST(WaitNotice, says_nothing_while_nothing_stands_in_the_way_nor_of_a_statement_that_is_quick) {
  World world;
  const auto cancel = world.at(60s, [&] { world.cancelled = true; });
  EXPECT_TRUE(world.wait().has_error());
  EXPECT_GT(world.service->asked, 10U);
  world.service->reason = "database dev is paused";
  world.service->asked = 0;
  world.cancelled = false;
  const auto soon = world.at(1s, [&] { world.cancelled = true; });
  EXPECT_TRUE(world.wait().has_error());
  EXPECT_EQ(world.service->asked, 0U);
  EXPECT_EQ(world.said, std::vector<std::string>());
}

TEST(WaitNotice, says_that_meta_is_silent_and_is_cancelled_as_soon_as_ever) {
  World world;
  world.service->mute = true;
  runtime::TimePoint wanted;
  const auto cancel = world.at(20s, [&] {
    wanted = world.sim.now();
    world.cancelled = true;
  });
  EXPECT_EQ(world.wait().error().code(), Code::Cancelled);
  EXPECT_LT(world.sim.now() - wanted, 300ms);
  ASSERT_EQ(world.said.size(), 1U);
  EXPECT_EQ(world.said[0].substr(world.said[0].find(':')), ": the statement waits: meta at meta does not answer");
}

TEST(WaitNotice, a_client_that_is_gone_ends_the_wait) {
  World world;
  world.service->reason = "x";
  const auto done = world.wait([](const std::string&) { return Status(error(Code::Closed, "gone")); });
  EXPECT_EQ(done.error().code(), Code::Closed);
  EXPECT_LT(world.sim.now().nanos, runtime::Duration(10s).count());
}

}  // namespace
}  // namespace penstock::frontend
