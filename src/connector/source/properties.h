#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "common/error.h"

namespace penstock::connector {

/// Reads WITH and ENCODE options one by one and refuses, at the end, those that nobody asked for.
/// Every getter's error is `InvalidParameter`, naming the option, its value and what is allowed.
class Properties {
 public:
  explicit Properties(const std::map<std::string, std::string>& values) : values_(values) {}

  [[nodiscard]] Result<std::string> required(const std::string& key);
  [[nodiscard]] std::string text(const std::string& key, std::string_view fallback);
  [[nodiscard]] Result<uint64_t> number(const std::string& key, uint64_t fallback);
  [[nodiscard]] Result<int64_t> integer(const std::string& key, int64_t fallback);
  [[nodiscard]] Result<double> real(const std::string& key, double fallback);
  [[nodiscard]] Result<bool> boolean(const std::string& key, bool fallback);
  /// One of `choices`, in lower case.
  [[nodiscard]] Result<std::string> choice(const std::string& key, std::string fallback, const std::vector<std::string>& choices);
  [[nodiscard]] bool has(const std::string& key) const { return values_.contains(key); }
  /// Errors: an option that was never asked for, with the nearest that was.
  [[nodiscard]] Status finish() const;

 private:
  [[nodiscard]] const std::string* find(const std::string& key);
  const std::map<std::string, std::string>& values_;
  std::set<std::string> asked_;
};

}  // namespace penstock::connector
