#include "bench/plan/yaml_reader.h"

#include <algorithm>
#include <charconv>

#include "common/nearest.h"

namespace penstock::bench {

namespace {

constexpr size_t kMaxTold = 25;

}  // namespace

Error mistakes_error(Mistakes mistakes, std::string_view file) {
  std::ranges::sort(mistakes, {}, [](const Mistake& m) { return std::tuple(m.mark.line, m.mark.column, m.text); });
  std::string text;
  for (size_t i = 0; i < std::min(mistakes.size(), kMaxTold); ++i) {
    const auto& [mark, what] = mistakes[i];
    text += (i > 0 ? "\n" : "") +
            (mark.is_null() ? fmt::format("{}: {}", file, what) : fmt::format("{}:{}:{}: {}", file, mark.line + 1, mark.column + 1, what));
  }
  if (mistakes.size() > kMaxTold) text += fmt::format("\n{}: and {} more", file, mistakes.size() - kMaxTold);
  return error(Code::InvalidConfig, "{}", text);
}

YamlMap::YamlMap(const YAML::Node& node, std::string what, Mistakes& mistakes, bool wrong)
    : what_(std::move(what)), mistakes_(mistakes), wrong_(wrong), mark_(node.Mark()) {
  if (!node.IsMap()) throw Mistake{mark_, fmt::format("{} must be a map of keys and values", what_)};
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) throw Mistake{entry.first.Mark(), fmt::format("a key of {} must be a word", what_)};
    const std::string key = entry.first.Scalar();
    const auto [found, added] = entries_.try_emplace(key, Entry{entry.first.Mark(), entry.second});
    if (added) continue;
    mistakes_.push_back(
        {entry.first.Mark(), fmt::format("key '{}' of {} stands twice, first in line {}", key, what_, found->second.mark.line + 1)});
  }
}

std::optional<YAML::Node> YamlMap::find(const std::string& key) {
  if (std::ranges::find(known_, key) == known_.end()) known_.push_back(key);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return found->second.value;
}

YAML::Node YamlMap::require(const std::string& key) {
  const auto node = find(key);
  if (!node) fail_at(mark_, fmt::format("{} needs '{}'", what_, key));
  return *node;
}

YAML::Mark YamlMap::mark(const std::string& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? mark_ : found->second.mark;
}

void YamlMap::fail(const std::string& key, const std::string& text) const { fail_at(mark(key), fmt::format("{}: {}", what_, text)); }

void YamlMap::fail_at(YAML::Mark mark, const std::string& text) const { throw Mistake{mark, wrong_ ? "" : text}; }

bool YamlMap::finish() {
  bool all_known = true;
  for (const auto& [key, entry] : entries_) {
    if (std::ranges::find(known_, key) != known_.end()) continue;
    all_known = false;
    mistakes_.push_back({entry.mark, fmt::format("unknown key '{}' in {}; {}", key, what_, did_you_mean(key, known_))});
  }
  return all_known;
}

std::string YamlMap::scalar(const std::string& key, const YAML::Node& node) const {
  if (!node.IsScalar()) throw Mistake{node.Mark(), fmt::format("'{}' of {} must be a single value", key, what_)};
  return node.Scalar();
}

uint64_t YamlMap::integer(const std::string& key, const YAML::Node& node, uint64_t min, uint64_t max) const {
  const std::string text = scalar(key, node);
  uint64_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    throw Mistake{node.Mark(), fmt::format("'{}' of {} must be a whole number from {} to {}, not '{}'", key, what_, min, max, text)};
  }
  return value;
}

size_t YamlMap::choice(const std::string& key, const YAML::Node& node, const std::vector<std::string>& names) const {
  const std::string text = scalar(key, node);
  const auto found = std::ranges::find(names, text);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  throw Mistake{node.Mark(), fmt::format("'{}' is no {} of {}; {}", text, key, what_, did_you_mean(text, names))};
}

void YamlMap::read(const std::string& key, std::string& target) {
  if (const auto node = find(key)) attempt([&] { target = scalar(key, *node); });
}

void YamlMap::read(const std::string& key, bool& target) {
  const auto node = find(key);
  if (!node) return;
  attempt([&] {
    const std::string text = scalar(key, *node);
    if (text != "true" && text != "false")
      throw Mistake{node->Mark(), fmt::format("'{}' of {} must be true or false, not '{}'", key, what_, text)};
    target = text == "true";
  });
}

void YamlMap::read(const std::string& key, double& target, double min) {
  const auto node = find(key);
  if (!node) return;
  attempt([&] {
    const std::string text = scalar(key, *node);
    double value = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (status != std::errc() || end != text.data() + text.size() || !(value >= min) || value > 1e15) {
      throw Mistake{node->Mark(), fmt::format("'{}' of {} must be a number of at least {}, not '{}'", key, what_, min, text)};
    }
    target = value;
  });
}

void YamlMap::read(const std::string& key, uint32_t& target, uint32_t min) {
  if (const auto node = find(key)) attempt([&] { target = static_cast<uint32_t>(integer(key, *node, min, UINT32_MAX)); });
}

void YamlMap::read(const std::string& key, uint64_t& target, uint64_t min) {
  if (const auto node = find(key)) attempt([&] { target = integer(key, *node, min, UINT64_MAX); });
}

void YamlMap::read(const std::string& key, Duration& target) {
  const auto node = find(key);
  if (!node) return;
  attempt([&] {
    const Result<Duration> value = parse_duration(scalar(key, *node));
    if (value.has_error()) throw Mistake{node->Mark(), fmt::format("'{}' of {}: {}", key, what_, value.error().message())};
    target = value.value();
  });
}

void YamlMap::read_bytes(const std::string& key, uint64_t& target) {
  static const std::vector<std::pair<std::string_view, uint64_t>> kUnits = {
      {"", 1}, {"B", 1}, {"KiB", 1U << 10U}, {"MiB", 1U << 20U}, {"GiB", 1U << 30U}, {"KB", 1000}, {"MB", 1000000}, {"GB", 1000000000}};
  const auto node = find(key);
  if (!node) return;
  attempt([&] {
    const std::string text = scalar(key, *node);
    uint64_t value = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
    const auto unit = std::ranges::find(kUnits, rest.substr(std::min(rest.find_first_not_of(' '), rest.size())),
                                        &std::pair<std::string_view, uint64_t>::first);
    uint64_t bytes = 0;
    if (status != std::errc() || unit == kUnits.end() || __builtin_mul_overflow(value, unit->second, &bytes)) {
      throw Mistake{node->Mark(), fmt::format("'{}' of {} must be a size such as 4096, 4KiB or 1MB, not '{}'", key, what_, text)};
    }
    target = bytes;
  });
}

std::vector<std::string> YamlMap::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, entry] : entries_) keys.push_back(key);
  return keys;
}

void YamlMap::read(const std::string& key, std::vector<std::string>& target) {
  const auto node = find(key);
  if (!node) return;
  attempt([&] {
    if (!node->IsSequence()) throw Mistake{node->Mark(), fmt::format("'{}' of {} must be a list", key, what_)};
    target.clear();
    for (const auto& entry : *node) target.push_back(scalar(key, entry));
  });
}

void YamlMap::read(const std::string& key, std::vector<uint32_t>& target) {
  const auto node = find(key);
  if (!node) return;
  attempt([&] {
    if (!node->IsSequence()) throw Mistake{node->Mark(), fmt::format("'{}' of {} must be a list", key, what_)};
    target.clear();
    for (const auto& entry : *node) target.push_back(static_cast<uint32_t>(integer(key, entry, 0, UINT32_MAX)));
  });
}

void YamlMap::read(const std::string& key, std::map<std::string, std::string>& target) {
  const auto node = find(key);
  if (!node) return;
  attempt([&] {
    const YamlMap values(*node, fmt::format("'{}' of {}", key, what_), *this);
    for (const auto& [name, entry] : values.entries_) target[name] = values.scalar(name, entry.value);
  });
}

}  // namespace penstock::bench
