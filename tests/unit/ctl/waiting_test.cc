#include "ctl/waiting.h"

#include <gtest/gtest.h>

#include "rpc/memory_transport.h"
#include "runtime/sim_runtime.h"

namespace penstock::ctl {
namespace {

using namespace std::chrono_literals;

pb::DatabaseWait wait(std::string database, std::vector<std::string> jobs, uint32_t actors, std::string reason) {
  pb::DatabaseWait out;
  out.set_database(std::move(database));
  for (std::string& job : jobs) out.add_jobs(std::move(job));
  out.set_actors(actors);
  out.set_reason(std::move(reason));
  return out;
}

TEST(CtlWaiting, names_the_jobs_that_are_left_and_why_they_do_not_go) {
  pb::WhyWaitingReply reply;
  *reply.add_databases() = wait("dev", {"sums", "t"}, 4, "database dev recovers: x");
  *reply.add_databases() = wait("other", {"u"}, 1, "");
  EXPECT_EQ(
      describe_wait(reply, 2),
      "2 jobs (sums, t) of database dev have 4 actors on node 2; database dev recovers: x; 1 job (u) of database other has 1 actor on "
      "node 2");
  EXPECT_EQ(describe_wait(reply, 0), "database dev recovers: x");
  EXPECT_EQ(describe_wait({}, 2), "");
}

TEST(CtlWaiting, names_five_jobs_at_most) {
  pb::WhyWaitingReply reply;
  *reply.add_databases() = wait("dev", {"a", "b", "c", "d", "e", "f"}, 6, "");
  EXPECT_EQ(describe_wait(reply, 1), "6 jobs (a, b, c, d, e, …) of database dev have 6 actors on node 1");
}

TEST(CtlWaiting, a_line_fits_its_terminal_and_stays_a_line) {
  EXPECT_EQ(fit_line("zwölf", 6), "zwölf");
  EXPECT_EQ(fit_line("zwölf", 5), "zwö…") << "the last column stays free";
  EXPECT_EQ(fit_line("a\nb\x1b[K", 80), "a b [K");
}

/// A meta that never answers a drain, and says why.
struct SilentMeta : rpc::Service {
  std::string reason;
  std::vector<Reply> kept;
  void call(std::string_view method, rpc::Bytes, Reply reply) override {
    if (method != "/penstock.Meta/WhyWaiting") return kept.push_back(std::move(reply));
    pb::WhyWaitingReply answer;
    *answer.add_databases() = wait("dev", {}, 0, reason);
    reply(answer.SerializeAsString());
  }
  Result<Accepted> open(std::string_view, std::shared_ptr<rpc::Stream>) override { return error(Code::NotSupported, "none"); }
};

TEST(CtlWaiting, says_on_standard_error_what_it_waits_for_once_a_reason_and_ends_when_it_is_interrupted) {
  runtime::SimRuntime sim;
  rpc::MemoryNetwork network(sim);
  const auto server = network.transport("meta");
  const auto client = network.transport("ctl");
  const auto service = std::make_shared<SilentMeta>();  // shared with the listener
  const auto listener = server->listen("meta", service).value();
  MetaCaller meta(sim, *client, "meta");
  service->reason = "first";
  const auto serial = sim.make_serial("test", false);
  std::atomic<bool> interrupted{false};
  const runtime::Timer change = sim.after(10s, *serial, [&] { service->reason = "second"; });
  const runtime::Timer stop = sim.after(30s, *serial, [&] { interrupted = true; });
  ViewOptions options;
  options.interrupted = &interrupted;
  ::testing::internal::CaptureStderr();
  pb::WhyWaitingReply reply;
  const Status done = call_and_tell(meta, "DrainWorker", pb::WhyWaitingRequest(), reply, options, {{}, "the drain goes on", "undo it"});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "waits: first\nwaits: second\n");
  ASSERT_TRUE(done.has_error());
  EXPECT_EQ(done.error().code(), Code::Cancelled);
  EXPECT_EQ(done.error().message(), "stopped waiting; the drain goes on");
  EXPECT_EQ(done.error().hint(), "undo it");
  EXPECT_EQ(service->kept.size(), 1U) << "meta goes on with it";
  for (auto& kept : service->kept) kept(rpc::Bytes());
  sim.run_until_idle();
}

}  // namespace
}  // namespace penstock::ctl
