#include "connector/source/properties.h"

#include <charconv>

#include "common/nearest.h"

namespace penstock::connector {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Error bad_value(const std::string& key, const std::string& value, std::string_view allowed) {
  return error(Code::InvalidParameter, "option {} = '{}': {}", key, value, allowed);
}

template <typename T>
Result<T> parse_number(const std::string& key, const std::string& value, std::string_view allowed) {
  T number{};
  const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failed != std::errc() || end != value.data() + value.size()) return bad_value(key, value, allowed);
  return number;
}

}  // namespace

const std::string* Properties::find(const std::string& key) {
  asked_.insert(key);
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

Result<std::string> Properties::required(const std::string& key) {
  const std::string* value = find(key);
  if (value == nullptr || value->empty()) return error(Code::InvalidParameter, "option {} is missing", key);
  return *value;
}

std::string Properties::text(const std::string& key, std::string_view fallback) {
  const std::string* value = find(key);
  return value == nullptr ? std::string(fallback) : *value;
}

Result<uint64_t> Properties::number(const std::string& key, uint64_t fallback) {
  const std::string* value = find(key);
  if (value == nullptr) return fallback;
  return parse_number<uint64_t>(key, *value, "must be a whole number that is not negative");
}

Result<int64_t> Properties::integer(const std::string& key, int64_t fallback) {
  const std::string* value = find(key);
  if (value == nullptr) return fallback;
  return parse_number<int64_t>(key, *value, "must be a whole number");
}

Result<double> Properties::real(const std::string& key, double fallback) {
  const std::string* value = find(key);
  if (value == nullptr) return fallback;
  return parse_number<double>(key, *value, "must be a number");
}

Result<bool> Properties::boolean(const std::string& key, bool fallback) {
  const std::string* value = find(key);
  if (value == nullptr) return fallback;
  const std::string word = lower(*value);
  if (word == "true" || word == "t" || word == "1" || word == "on") return true;
  if (word == "false" || word == "f" || word == "0" || word == "off") return false;
  return bad_value(key, *value, "must be true or false");
}

Result<std::string> Properties::choice(const std::string& key, std::string fallback, const std::vector<std::string>& choices) {
  const std::string* value = find(key);
  if (value == nullptr) return fallback;
  const std::string word = lower(*value);
  if (std::ranges::find(choices, word) == choices.end())
    return bad_value(key, *value, fmt::format("must be one of {}", fmt::join(choices, ", ")));
  return word;
}

Status Properties::finish() const {
  for (const auto& [key, value] : values_) {
    if (asked_.contains(key)) continue;
    return error(Code::InvalidParameter, "unknown option {}; {}", key, did_you_mean(key, {asked_.begin(), asked_.end()}));
  }
  return ok();
}

}  // namespace penstock::connector
