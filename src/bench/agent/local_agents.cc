#include "bench/agent/local_agents.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "bench/plan/plan.h"
#include "bench/workload/process_table.h"

namespace penstock::bench {
namespace {

constexpr Duration kStartPatience = std::chrono::seconds(20);
constexpr Duration kLook = std::chrono::milliseconds(10);

// The address that the log names, once its line is whole.
std::string listening_at(const std::string& log) {
  std::ifstream in(log);
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  const size_t at = all.find(kListening);
  const size_t end = at == std::string::npos ? at : all.find('\n', at);
  if (end == std::string::npos) return "";
  const size_t from = at + std::string_view(kListening).size();
  return all.substr(from, end - from);
}

}  // namespace

Result<std::vector<std::string>> start_local_agents(uint32_t count, bool allow_exec, const std::string& token_file,
                                                    const std::string& folder, runtime::Runtime& runtime) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return error(Code::Io, "cannot make {}: {}", folder, failed.message());
  const std::string binary = std::filesystem::read_symlink("/proc/self/exe", failed).string();
  if (failed) return error(Code::Io, "cannot tell where this program is: {}", failed.message());
  const auto log_of = [&](uint32_t i) { return fmt::format("{}/agent-{}.log", folder, i); };
  for (uint32_t i = 0; i < count; ++i) {
    std::vector<std::string> command = {binary,        "bench",  "agent",     "--listen",
                                        "127.0.0.1:0", "--once", "--results", fmt::format("{}/agent-{}", folder, i)};
    if (allow_exec) command.emplace_back("--allow-exec");
    if (!token_file.empty()) command.insert(command.end(), {"--token-file", token_file});
    std::filesystem::remove(log_of(i), failed);
    PENSTOCK_TRY(spawn_process(command, {}, log_of(i)));
  }
  std::vector<std::string> addresses;
  const auto waiter = runtime.make_waiter();
  const runtime::TimePoint begun = runtime.now();
  while (addresses.size() < count) {
    const auto next = static_cast<uint32_t>(addresses.size());
    std::string address = listening_at(log_of(next));
    if (!address.empty()) {
      addresses.push_back(std::move(address));
    } else if (runtime.now() - begun > kStartPatience) {
      return error(Code::Timeout, "local agent {} did not start; see {}", next, log_of(next));
    } else {
      (void)waiter->wait_for(kLook);
    }
  }
  return addresses;
}

}  // namespace penstock::bench
