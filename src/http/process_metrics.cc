#include "http/process_metrics.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "common/version.h"

namespace penstock::http {
namespace {

// Fields of /proc/self/stat behind the name in parentheses, which may hold spaces; the first is the state, field 3 of proc(5).
std::vector<std::string> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  std::vector<std::string> fields;
  if (name_end == std::string::npos) return fields;
  std::istringstream rest(line.substr(name_end + 1));
  for (std::string field; rest >> field;) fields.push_back(std::move(field));
  return fields;
}

std::optional<double> field(const std::vector<std::string>& fields, size_t number) {
  constexpr size_t kFirst = 3;
  if (number - kFirst >= fields.size()) return std::nullopt;
  const std::string& text = fields[number - kFirst];
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc()) return std::nullopt;
  return value;
}

std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  for (double value = 0; file >> word;) {
    if (word == "btime" && file >> value) return value;
  }
  return std::nullopt;
}

}  // namespace

void sample_process(metrics::Samples& out) {
  constexpr size_t kUserTime = 14, kSystemTime = 15, kThreads = 20, kStart = 22, kVirtual = 23, kResident = 24;
  const auto fields = stat_fields();
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  if (const auto user = field(fields, kUserTime), system = field(fields, kSystemTime); user && system) {
    out.counter("process_cpu_seconds_total", "Processor time of this process", {}, (*user + *system) / ticks);
  }
  if (const auto threads = field(fields, kThreads)) out.gauge("process_threads", "Threads of this process", {}, *threads);
  if (const auto bytes = field(fields, kVirtual)) out.gauge("process_virtual_memory_bytes", "Address space in use", {}, *bytes);
  if (const auto pages = field(fields, kResident)) {
    out.gauge("process_resident_memory_bytes", "Memory of this process that is in RAM", {}, *pages * page);
  }
  if (const auto start = field(fields, kStart), boot = boot_time(); start && boot) {
    out.gauge("process_start_time_seconds", "Start of this process, in seconds since 1970", {}, *boot + *start / ticks);
  }
  std::error_code failed;
  size_t open = 0;
  for (auto at = std::filesystem::directory_iterator("/proc/self/fd", failed); !failed && at != std::filesystem::directory_iterator();
       at.increment(failed)) {
    ++open;
  }
  if (open > 0) out.gauge("process_open_fds", "Open file descriptors", {}, static_cast<double>(open));
  out.gauge("penstock_build_info", "Always 1; the version is in the label", {{"version", std::string(kVersion)}}, 1);
}

}  // namespace penstock::http
