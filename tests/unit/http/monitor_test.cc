#include "http/monitor.h"

#include <gtest/gtest.h>

#include "http/ask_loop.h"
#include "rpc/tcp.h"
#include "runtime/threaded_runtime.h"

namespace penstock::http {
namespace {

using namespace std::chrono_literals;

class MonitorTest : public ::testing::Test {
 protected:
  std::string get(std::string_view path) {
    const auto stream = rpc::TcpStream::connect(monitor_->address(), 20s).value();
    static_cast<void>(stream->write_all(fmt::format("GET {} HTTP/1.1\r\nConnection: close\r\n\r\n", path)));
    std::string all;
    std::array<char, 4096> buffer{};
    for (;;) {
      const auto count = stream->read_some(buffer, 20s);
      if (count.has_error() || count.value() == 0) return all;
      all.append(buffer.data(), count.value());
    }
  }
  static std::string status_of(const std::string& answer) { return answer.substr(9, 3); }
  static std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

  std::atomic<bool> healthy_{true};
  std::atomic<bool> ready_{true};
  metrics::Registry registry_;
  std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime({.pool_threads = 1});
  std::unique_ptr<Monitor> monitor_ =
      Monitor::start(*runtime_, "127.0.0.1:0", registry_,
                     {{.name = "meta",
                       .health = [this] { return std::vector<Check>{{"loop", true, "fine"}, {"barriers", healthy_, "oldest is 7 s old"}}; },
                       .ready = [this] { return std::vector<Check>{{"nodes", ready_, "1 of 2"}}; },
                       .sample = [](metrics::Samples& out) { out.gauge("level", "Level", {}, 5); }}})
          .value();
};

TEST_F(MonitorTest, is_healthy_when_every_check_holds) {
  const std::string answer = get("/healthz");
  EXPECT_EQ(status_of(answer), "200");
  EXPECT_EQ(body_of(answer), "ok    meta: loop: fine\nok    meta: barriers: oldest is 7 s old\n");
}

TEST_F(MonitorTest, turns_when_one_check_fails_and_says_which) {
  healthy_ = false;
  const std::string answer = get("/healthz");
  EXPECT_EQ(status_of(answer), "503");
  EXPECT_EQ(body_of(answer), "ok    meta: loop: fine\nFAIL  meta: barriers: oldest is 7 s old\n");
  EXPECT_EQ(status_of(get("/readyz")), "200") << "it can still be used";
  ready_ = false;
  EXPECT_EQ(status_of(get("/readyz")), "503");
}

TEST_F(MonitorTest, shows_what_was_recorded_what_is_sampled_and_the_process) {
  registry_.counter("done_total", "Done").add(3);
  const std::string answer = get("/metrics");
  EXPECT_NE(answer.find("Content-Type: text/plain; version=0.0.4"), std::string::npos);
  for (const std::string_view line : {"\ndone_total 3\n", "\nlevel 5\n", "\nprocess_resident_memory_bytes ", "\nprocess_cpu_seconds_total ",
                                      "\nprocess_start_time_seconds ", "\npenstock_build_info{version="}) {
    EXPECT_NE(answer.find(line), std::string::npos) << line << " in " << answer;
  }
}

TEST_F(MonitorTest, has_no_other_pages) {
  EXPECT_EQ(status_of(get("/")), "200");
  EXPECT_EQ(status_of(get("/metricz")), "404");
}

TEST(AskLoop, brings_what_the_loop_says) {
  const auto runtime = runtime::make_threaded_runtime({.pool_threads = 1});
  const auto answer = ask_loop<int>(*runtime, 20s, [&](runtime::Job job) { runtime->pool().post(std::move(job)); }, [] { return 7; });
  EXPECT_EQ(answer, 7);
}

TEST(AskLoop, gives_up_on_a_loop_that_stands_still) {
  const auto runtime = runtime::make_threaded_runtime({.pool_threads = 1});
  runtime::Job held;
  const auto answer = ask_loop<int>(*runtime, 1ms, [&](runtime::Job job) { held = std::move(job); }, [] { return 7; });
  EXPECT_EQ(answer, std::nullopt);
  held();  // too late: nobody is there any more, and nothing breaks
}

}  // namespace
}  // namespace penstock::http
