#pragma once

#include <yaml-cpp/yaml.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bench/plan/plan.h"

namespace penstock::bench {

/// What is wrong with a stage file and where. Thrown within the parser only; `parse_plan` makes an `Error` of all of them.
struct Mistake {
  YAML::Mark mark;
  std::string text;  // empty: it follows from another one, which was told
};
using Mistakes = std::vector<Mistake>;

/// "stages.yaml:3:7: unknown key 'tipe'; did you mean 'type'?", a line each, in the order of the file.
[[nodiscard]] Error mistakes_error(Mistakes mistakes, std::string_view file);

/// A map of the file, each key of which must be asked for: `finish` refuses the others.
///
/// A value that cannot be read is written down in the file's list of mistakes, and reading goes on with the default. From then on what
/// `fail` finds in this map and those inside it may be a consequence and is not told.
class YamlMap {
 public:
  /// `what` names the map in errors: "stage 'load'", "barrier". Throws `Mistake`.
  YamlMap(const YAML::Node& node, std::string what, Mistakes& mistakes) : YamlMap(node, std::move(what), mistakes, false) {}
  YamlMap(const YAML::Node& node, std::string what, const YamlMap& outer) : YamlMap(node, std::move(what), outer.mistakes_, outer.wrong_) {}

  /// Writes down what `part` throws. False: it threw, and nothing follows from that.
  template <typename Part>
  bool check(Part part) {
    try {
      part();
      return true;
    } catch (const Mistake& mistake) {
      if (!mistake.text.empty()) mistakes_.push_back(mistake);
      return false;
    }
  }
  /// The same; what else is found may be a consequence.
  template <typename Part>
  void attempt(Part part) {
    if (!check(std::move(part))) wrong_ = true;
  }
  /// Whether they are asked for or not.
  void know(const std::vector<std::string>& keys) { known_.insert(known_.end(), keys.begin(), keys.end()); }

  [[nodiscard]] std::optional<YAML::Node> find(const std::string& key);
  /// Throws where there is none.
  YAML::Node require(const std::string& key);
  /// Where `key` was written, or the map.
  [[nodiscard]] YAML::Mark mark(const std::string& key) const;
  [[nodiscard]] YAML::Mark mark() const { return mark_; }
  [[nodiscard]] bool has(const std::string& key) const { return entries_.contains(key); }
  /// Throws.
  [[noreturn]] void fail(const std::string& key, const std::string& text) const;
  [[noreturn]] void fail_at(YAML::Mark mark, const std::string& text) const;
  /// False: there was a key that nobody asked for.
  bool finish();

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
  void read(const std::string& key, std::vector<uint32_t>& target);
  [[nodiscard]] const std::string& what() const { return what_; }
  /// The keys, in alphabetical order.
  [[nodiscard]] std::vector<std::string> keys() const;
  template <typename Enum>
  void read(const std::string& key, Enum& target, const std::vector<Enum>& values) {
    const auto node = find(key);
    if (!node) return;
    std::vector<std::string> names;
    for (const Enum value : values) names.emplace_back(name_of(value));
    attempt([&] { target = values[choice(key, *node, names)]; });
  }

 private:
  YamlMap(const YAML::Node& node, std::string what, Mistakes& mistakes, bool wrong);
  struct Entry {
    YAML::Mark mark;  // of the key
    YAML::Node value;
  };
  [[nodiscard]] std::string scalar(const std::string& key, const YAML::Node& node) const;
  [[nodiscard]] uint64_t integer(const std::string& key, const YAML::Node& node, uint64_t min, uint64_t max) const;
  [[nodiscard]] size_t choice(const std::string& key, const YAML::Node& node, const std::vector<std::string>& names) const;

  const std::string what_;
  Mistakes& mistakes_;
  bool wrong_;
  YAML::Mark mark_;
  std::map<std::string, Entry> entries_;
  std::vector<std::string> known_;
};

}  // namespace penstock::bench
