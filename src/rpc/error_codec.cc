#include "rpc/error_codec.h"

#include <absl/container/flat_hash_map.h>

#include <limits>

namespace penstock::rpc {
namespace {

constexpr char kVersion = 1;

void put_u32(std::string& out, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> static_cast<unsigned>(shift));
}

void put_text(std::string& out, std::string_view text) {
  put_u32(out, static_cast<uint32_t>(text.size()));
  out += text;
}

// Takes fields off the front; once something is missing it stays bad and returns empty values.
class ErrorReader {
 public:
  explicit ErrorReader(std::string_view bytes) : rest_(bytes) {}

  std::string_view bytes(size_t count) {
    if (count > rest_.size()) {
      good_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  uint8_t u8() {
    const std::string_view byte = bytes(1);
    return byte.empty() ? 0 : static_cast<uint8_t>(byte.front());
  }
  uint32_t u32() {
    uint32_t value = 0;
    int shift = 0;
    for (const char byte : bytes(4)) {
      value |= static_cast<uint32_t>(static_cast<uint8_t>(byte)) << static_cast<unsigned>(shift);
      shift += 8;
    }
    return value;
  }
  std::string_view text() { return bytes(u32()); }
  [[nodiscard]] bool good_to_the_end() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

Code code_from_name(std::string_view name) {
  static const auto* const codes = [] {
    auto* map = new absl::flat_hash_map<std::string_view, Code>();
    // Values that are no code are called Internal, like the first one, which stays.
    for (int i = 0; i <= std::numeric_limits<uint8_t>::max(); ++i) map->try_emplace(code_name(Code(i)), Code(i));
    return map;
  }();
  const auto found = codes->find(name);
  return found == codes->end() ? Code::Internal : found->second;
}

}  // namespace

std::string encode_status(const Status& status) {
  if (status.has_value()) return {};
  const Error& e = status.error();
  const std::string_view name = code_name(e.code());
  std::string out;
  out.reserve(32 + name.size() + e.message().size() + e.context().size() + e.hint().size() + e.detail().size());
  out += kVersion;
  out += static_cast<char>(name.size());
  out += name;
  out += static_cast<char>(e.position().has_value() ? 1 : 0);
  put_u32(out, e.position().value_or(0));
  for (const std::string& text : {std::cref(e.message()), std::cref(e.context()), std::cref(e.hint()), std::cref(e.detail())}) {
    put_text(out, text);
  }
  return out;
}

Status decode_status(std::string_view bytes) {
  if (bytes.empty()) return ok();
  ErrorReader reader(bytes);
  const uint8_t version = reader.u8();
  const std::string_view name = reader.bytes(reader.u8());
  const uint8_t has_position = reader.u8();
  const uint32_t position = reader.u32();
  const std::string_view message = reader.text();
  const std::string_view context = reader.text();
  const std::string_view hint = reader.text();
  const std::string_view detail = reader.text();
  if (version != kVersion || has_position > 1 || !reader.good_to_the_end()) {
    return error(Code::Protocol, "the peer sent an error that cannot be read ({} bytes)", bytes.size());
  }
  Error e(code_from_name(name), std::string(message));
  if (!context.empty()) e = e.with_context(context);
  if (!hint.empty()) e = e.with_hint(std::string(hint));
  if (!detail.empty()) e = e.with_detail(std::string(detail));
  if (has_position == 1) e = e.at(position);
  return e;
}

}  // namespace penstock::rpc
