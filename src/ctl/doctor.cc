#include "ctl/doctor.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "ctl/table.h"

namespace penstock::ctl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kComputeFormat = "penstock data folder, format 1";
constexpr std::string_view kMetaFormat = "penstock meta\nversion 1\n";
constexpr uint64_t kLittleSpace = 1ULL << 30;

pb::DoctorFinding finding(std::string level, std::string text, std::string what_to_do) {
  pb::DoctorFinding out;
  out.set_check("data folder");
  out.set_level(std::move(level));
  out.set_finding(std::move(text));
  out.set_what_to_do(std::move(what_to_do));
  return out;
}

std::string contents(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Who has the lock of a folder: "process 17", "a process", or nothing.
std::string holder_of(const fs::path& lock) {
  const int fd = ::open(lock.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  const bool held = ::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(fd);
  if (!held) return "";
  std::string number = contents(lock);
  number.erase(std::min(number.find_first_not_of("0123456789"), number.size()));
  return number.empty() ? "a running process" : "process " + number;
}

pb::DoctorFinding examine_role(const fs::path& path, std::string_view role, std::string_view format, const fs::path& format_file) {
  const std::string found = contents(format_file);
  const std::string holder = holder_of(path / "LOCK");
  if (!found.starts_with(format)) {
    return finding("error", fmt::format("{} is of another format: \"{}\"", path.string(), found.substr(0, found.find('\n'))),
                   "Use the version of penstock that wrote it.");
  }
  return finding(
      "ok",
      fmt::format("{} holds the state of a {}; {}", path.string(), role, holder.empty() ? "nobody uses it now" : holder + " uses it now"),
      "");
}

}  // namespace

std::vector<pb::DoctorFinding> examine_folder(const std::string& path) {
  std::error_code failed;
  const fs::path folder(path);
  if (!fs::is_directory(folder, failed)) {
    return {finding("error", fmt::format("{} is no folder{}", path, failed ? ": " + failed.message() : ""),
                    "A role makes its folder at its first start; is the path right?")};
  }
  std::vector<pb::DoctorFinding> out;
  if (fs::exists(folder / "VERSION", failed)) out.push_back(examine_role(folder, "compute", kComputeFormat, folder / "VERSION"));
  if (fs::exists(folder / "FORMAT", failed)) out.push_back(examine_role(folder, "meta", kMetaFormat, folder / "FORMAT"));
  if (out.empty()) {
    for (auto at = fs::directory_iterator(folder, failed); !failed && at != fs::directory_iterator(); at.increment(failed)) {
      const std::string name = at->path().filename();
      if (name != "meta" && !name.starts_with("compute-")) continue;
      for (pb::DoctorFinding& inner : examine_folder(at->path())) out.push_back(std::move(inner));
    }
    if (!out.empty()) return out;
    return {finding("warning", fmt::format("{} is not a data folder of penstock", path), "Is the path right?")};
  }
  const auto space = fs::space(folder, failed);
  if (!failed && space.available < kLittleSpace) {
    out.push_back(finding("error", fmt::format("{} MB are free where {} is", space.available >> 20U, path), "Free space there."));
  }
  return out;
}

Result<bool> doctor(MetaCaller& meta, const std::vector<std::string>& folders, bool json) {
  pb::DoctorRequest request;
  request.set_unix_micros(meta.unix_micros());
  pb::DoctorReply reply;
  if (const Status asked = meta.call("Doctor", request, reply); asked.has_error()) {
    pb::DoctorFinding& away = *reply.add_findings();
    away.set_check("meta");
    away.set_level("error");
    away.set_finding(asked.error().message());
    away.set_what_to_do(asked.error().hint());
  } else {
    pb::DoctorFinding& there = *reply.add_findings();
    there.set_check("meta");
    there.set_level("ok");
    there.set_finding(fmt::format("answers at {}", meta.address()));
  }
  for (const std::string& folder : folders) {
    for (pb::DoctorFinding& found : examine_folder(folder)) *reply.add_findings() = std::move(found);
  }
  Table table{"doctor", {"level", "check", "finding", "what_to_do"}, "tttt", {}};
  bool good = true;
  for (const pb::DoctorFinding& found : reply.findings()) {
    good &= found.level() != "error";
    table.rows.push_back(
        {{false, found.level()}, {false, found.check()}, {false, found.finding()}, {found.what_to_do().empty(), found.what_to_do()}});
  }
  if (json) {
    std::fputs(as_json_text({table}).c_str(), stdout);
    return good;
  }
  for (const auto& row : table.rows) {
    fmt::print("{:8} {}: {}\n", row[0].text, row[1].text, row[2].text);
    if (!row[3].null) fmt::print("         -> {}\n", row[3].text);
  }
  return good;
}

}  // namespace penstock::ctl
