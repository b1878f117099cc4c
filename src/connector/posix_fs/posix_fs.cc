#include "connector/posix_fs/posix_fs.h"

#include <fnmatch.h>
#include <xxhash.h>

#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "connector/posix_fs/byte_source.h"
#include "connector/source/properties.h"

namespace penstock::connector {
namespace {

namespace fs = std::filesystem;
constexpr size_t kHeadBytes = 64 << 10;

struct Identity {
  uint64_t size = 0;
  uint64_t head_size = 0;
  uint64_t head_hash = 0;
  bool operator==(const Identity&) const = default;
};

Result<Identity> identity_of(const std::string& path, uint64_t head_limit) {
  std::ifstream file(path, std::ios::binary);
  std::error_code failed;
  Identity identity;
  identity.size = fs::file_size(path, failed);
  if (!file || failed) return error(Code::Io, "cannot read file {}: {}", path, failed ? failed.message() : std::strerror(errno));
  std::string head(std::min(identity.size, head_limit), '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  identity.head_size = static_cast<uint64_t>(file.gcount());
  identity.head_hash = XXH3_64bits(head.data(), identity.head_size);
  return identity;
}

bool parse_identity(const std::string& text, Identity& out) {
  unsigned long long size = 0, head = 0, hash = 0;
  if (std::sscanf(text.c_str(), "%llu %llu %llx", &size, &head, &hash) != 3) return false;
  out = {size, head, hash};
  return true;
}

}  // namespace

Result<PosixFsOptions> parse_posix_fs(const SourceSpec& spec) {
  std::map<std::string, std::string> own;
  for (const auto& [key, value] : spec.properties) {
    if (!key.starts_with("encode.") && key != "connector") own[key] = value;
  }
  Properties properties(own);
  PosixFsOptions options;
  PENSTOCK_TRY(options.root, properties.required("posix_fs.root"));
  options.pattern = properties.text("match_pattern", "*");
  PENSTOCK_TRY(options.follow, properties.boolean("posix_fs.follow", false));
  PENSTOCK_TRY(const std::string on_error, properties.choice("on_error", "fail", {"fail", "skip"}));
  options.on_error = on_error == "skip" ? OnError::Skip : OnError::Fail;
  PENSTOCK_TRY(properties.number("source_rate_limit", 0));
  PENSTOCK_TRY(properties.finish());
  if (options.follow && compression_of(options.pattern) != Compression::None) {
    return error(Code::InvalidParameter, "option posix_fs.follow = 'true': a compressed file cannot be followed");
  }
  return options;
}

Result<std::vector<SplitPosition>> list_files(const PosixFsOptions& options) {
  std::error_code failed;
  std::vector<SplitPosition> splits;
  for (fs::directory_iterator entry(options.root, failed), end; !failed && entry != end; entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    if (!entry->is_regular_file() || fnmatch(options.pattern.c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
    SplitPosition split{.id = entry->path().string()};
    PENSTOCK_TRY(split.identity, file_identity(split.id));
    splits.push_back(std::move(split));
  }
  if (failed) return error(Code::Io, "cannot list folder {}: {}", options.root, failed.message());
  if (splits.empty() && !options.follow) {
    return error(Code::Io, "no file in {} matches '{}'", options.root, options.pattern).with_hint("Check posix_fs.root and match_pattern.");
  }
  std::ranges::sort(splits, {}, &SplitPosition::id);
  return splits;
}

Result<std::string> file_identity(const std::string& path) {
  PENSTOCK_TRY(const Identity identity, identity_of(path, kHeadBytes));
  return fmt::format("{} {} {:016x}", identity.size, identity.head_size, identity.head_hash);
}

Status check_identity(const std::string& path, const std::string& identity, bool may_grow) {
  Identity expected;
  if (!parse_identity(identity, expected)) return error(Code::Corruption, "'{}' is no identity of a file", identity);
  PENSTOCK_TRY(const Identity found, identity_of(path, expected.head_size));
  const bool size_fits = found.size == expected.size || (may_grow && found.size > expected.size);
  if (size_fits && found.head_size == expected.head_size && found.head_hash == expected.head_hash) return ok();
  return error(Code::Corruption, "file {} is not the file that was read before: {} bytes then, {} now{}", path, expected.size, found.size,
               found.head_hash == expected.head_hash ? "" : ", and its beginning differs")
      .with_hint("Put the file back, or drop the source and create it anew.");
}

}  // namespace penstock::connector
