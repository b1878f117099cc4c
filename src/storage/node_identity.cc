#include "storage/node_identity.h"

#include <charconv>
#include <sstream>

namespace penstock::storage {

namespace {

constexpr std::string_view kFile = "NODE";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string NodeIdentity::uuid_text() const {
  std::string text;
  for (size_t i = 0; i < uuid.size(); ++i) text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
  return text;
}

Result<NodeUuid> NodeIdentity::parse_uuid(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != '-') digits += c;
  }
  NodeUuid uuid{};
  if (digits.size() != 2 * uuid.size()) return error(Code::InvalidText, "\"{}\" is no uuid", text);
  for (size_t i = 0; i < uuid.size(); ++i) {
    const int high = hex_digit(digits[2 * i]), low = hex_digit(digits[2 * i + 1]);
    if (high < 0 || low < 0) return error(Code::InvalidText, "\"{}\" is no uuid", text);
    uuid[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return uuid;
}

// The file is three lines: "uuid …", "cluster …", "incarnation …".
Result<NodeIdentity> NodeIdentity::load_or_create(DataFolder& folder, const std::function<void(void*, size_t)>& random_bytes) {
  NodeIdentity identity;
  const std::string path = fmt::format("{}/{}", folder.path(), kFile);
  if (folder.files().exists(path)) {
    PENSTOCK_TRY(const std::string text, read_file(folder.files(), path));
    std::istringstream lines(text);
    std::string uuid_word, uuid, cluster_word, incarnation_word;
    lines >> uuid_word >> uuid >> cluster_word;
    std::getline(lines, identity.cluster_id);
    if (identity.cluster_id.starts_with(' ')) identity.cluster_id.erase(0, 1);
    lines >> incarnation_word >> identity.incarnation.value;
    const auto parsed = parse_uuid(uuid);
    if (!lines || uuid_word != "uuid" || cluster_word != "cluster" || incarnation_word != "incarnation" || parsed.has_error()) {
      return error(Code::Corruption, "{} does not say which node this is", path);
    }
    identity.uuid = parsed.value();
  } else {
    random_bytes(identity.uuid.data(), identity.uuid.size());
    identity.uuid[6] = static_cast<uint8_t>((identity.uuid[6] & 0x0f) | 0x40);  // RFC 4122, version 4
    identity.uuid[8] = static_cast<uint8_t>((identity.uuid[8] & 0x3f) | 0x80);
  }
  ++identity.incarnation.value;
  PENSTOCK_TRY(identity.save(folder));
  return identity;
}

Status NodeIdentity::join_cluster(DataFolder& folder, const std::string& cluster) {
  if (cluster_id == cluster) return ok();
  if (!cluster_id.empty()) {
    return error(Code::Stale, "data folder {} belongs to cluster {}, not to {}", folder.path(), cluster_id, cluster)
        .with_hint("Give this node the meta of its cluster, or an empty data folder.");
  }
  cluster_id = cluster;
  return save(folder);
}

Status NodeIdentity::save(DataFolder& folder) const {
  const std::string text = fmt::format("uuid {}\ncluster {}\nincarnation {}\n", uuid_text(), cluster_id, incarnation);
  return write_file_atomically(folder.files(), folder.path(), std::string(kFile), text);
}

}  // namespace penstock::storage
