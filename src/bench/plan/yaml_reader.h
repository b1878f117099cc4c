#pragma once

#include <yaml-cpp/yaml.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bench/plan/plan.h"

namespace penstock::bench {

/// What is wrong with a stage file and where. Thrown within the parser only; `parse_plan` makes an `Error` of it.
struct Mistake {
  YAML::Mark mark;
  std::string text;
};

/// The error text of a mistake: "stages.yaml:3:7: unknown key 'tipe'; did you mean 'type'?".
[[nodiscard]] Error mistake_error(const Mistake& mistake, std::string_view file);

/// A map of the file, each key of which must be asked for: `finish` refuses the others. Duplicate keys are refused at once.
class YamlMap {
 public:
  /// `what` names the map in errors: "stage 'load'", "barrier". Throws `Mistake`.
  YamlMap(const YAML::Node& node, std::string what);

  [[nodiscard]] std::optional<YAML::Node> find(const std::string& key);
  YAML::Node require(const std::string& key);
  /// Where `key` was written, or the map.
  [[nodiscard]] YAML::Mark mark(const std::string& key) const;
  [[nodiscard]] YAML::Mark mark() const { return mark_; }
  [[nodiscard]] bool has(const std::string& key) const { return entries_.contains(key); }
  [[noreturn]] void fail(const std::string& key, const std::string& text) const;
  void finish() const;

  // Each leaves `target` alone when the key is missing.
  void read(const std::string& key, std::string& target);
  void read(const std::string& key, bool& target);
  void read(const std::string& key, double& target, double min);
  void read(const std::string& key, uint32_t& target, uint32_t min = 0);
  void read(const std::string& key, uint64_t& target, uint64_t min = 0);
  void read(const std::string& key, Duration& target);
  /// "4096", "4KiB", "1MB".
  void read_bytes(const std::string& key, uint64_t& target);
  void read(const std::string& key, std::map<std::string, std::string>& target);
  void read(const std::string& key, std::vector<std::string>& target);
  [[nodiscard]] const std::string& what() const { return what_; }
  /// The keys, in alphabetical order.
  [[nodiscard]] std::vector<std::string> keys() const;
  template <typename Enum>
  void read(const std::string& key, Enum& target, const std::vector<Enum>& values) {
    const auto node = find(key);
    if (!node) return;
    std::vector<std::string> names;
    for (const Enum value : values) names.emplace_back(name_of(value));
    target = values[choice(key, *node, names)];
  }

 private:
  struct Entry {
    YAML::Mark mark;  // of the key
    YAML::Node value;
  };
  [[nodiscard]] std::string scalar(const std::string& key, const YAML::Node& node) const;
  [[nodiscard]] uint64_t integer(const std::string& key, const YAML::Node& node, uint64_t min, uint64_t max) const;
  [[nodiscard]] size_t choice(const std::string& key, const YAML::Node& node, const std::vector<std::string>& names) const;

  const std::string what_;
  YAML::Mark mark_;
  std::map<std::string, Entry> entries_;
  std::vector<std::string> known_;
};

}  // namespace penstock::bench
