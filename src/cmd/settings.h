#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace penstock::cmd {

/// The settings of one subcommand: each is a flag `--sql-port` and a key `sql_port` in the section of the subcommand's name in the
/// configuration file. What the command line says wins.
class Settings {
 public:
  /// Adds `--config FILE` to `app`.
  Settings(CLI::App& app, std::string section);

  void add(std::string_view flag, std::string& target, std::string_view help);
  void add(std::string_view flag, uint32_t& target, std::string_view help);
  void add(std::string_view flag, uint64_t& target, std::string_view help);
  void add(std::string_view flag, bool& target, std::string_view help);

  /// Reads the file of `--config`, if given, for everything the command line left out.
  /// Errors: `InvalidConfig` with file, line and column; an unknown key names the nearest known one.
  [[nodiscard]] Status load();

 private:
  struct Setting {
    std::string key;
    CLI::Option* option;
    std::function<std::string(const void* toml_node)> assign;  // what is wrong with the value, or ""
  };
  template <typename T, typename TomlType>
  void add_typed(std::string_view flag, T& target, std::string_view help, std::string_view type_name);
  [[nodiscard]] Status apply(const void* toml_table, std::string_view file);

  CLI::App& app_;
  const std::string section_;
  std::string config_file_;
  std::vector<Setting> settings_;
};

}  // namespace penstock::cmd
