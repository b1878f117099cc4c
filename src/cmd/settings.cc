#include "cmd/settings.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <CLI/CLI.hpp>
#include <algorithm>

#include "common/nearest.h"

namespace penstock::cmd {
namespace {

const std::vector<std::string> kSections = {"playground", "meta", "compute", "frontend", "sql", "ctl"};

std::string key_of_flag(std::string_view flag) {
  std::string key(flag);
  std::ranges::replace(key, '-', '_');
  return key;
}

Error config_error(std::string_view file, const toml::source_region& at, std::string message) {
  return error(Code::InvalidConfig, "{}:{}:{}: {}", file, at.begin.line, at.begin.column, message);
}

}  // namespace

Settings::Settings(CLI::App& app, std::string section) : app_(app), section_(std::move(section)) {
  app_.add_option("--config", config_file_, fmt::format("TOML file; its section [{}] has every flag below as a key", section_))
      ->type_name("FILE");
}

template <typename T, typename TomlType>
void Settings::add_typed(std::string_view flag, T& target, std::string_view help, std::string_view type_name) {
  CLI::Option* option = nullptr;
  if constexpr (std::is_same_v<T, bool>) {
    option = app_.add_flag(fmt::format("--{}", flag), target, std::string(help));
  } else {
    option = app_.add_option(fmt::format("--{}", flag), target, std::string(help))->type_name(std::string(type_name));
    if constexpr (std::is_same_v<T, std::string>) {
      if (!target.empty()) option->capture_default_str();
    } else {
      option->capture_default_str();
    }
  }
  settings_.push_back({key_of_flag(flag), option, [&target, type_name = std::string(type_name)](const void* node) -> std::string {
                         const auto value = static_cast<const toml::node*>(node)->value<TomlType>();
                         if (!value) return fmt::format("must be a {}", type_name);
                         if constexpr (std::is_same_v<TomlType, int64_t>) {
                           if (*value < 0 || static_cast<uint64_t>(*value) > std::numeric_limits<T>::max())
                             return fmt::format("{} is out of range", *value);
                         }
                         target = static_cast<T>(*value);
                         return "";
                       }});
}

void Settings::add(std::string_view flag, std::string& target, std::string_view help) {
  add_typed<std::string, std::string>(flag, target, help, "TEXT");
}
void Settings::add(std::string_view flag, uint32_t& target, std::string_view help) {
  add_typed<uint32_t, int64_t>(flag, target, help, "NUMBER");
}
void Settings::add(std::string_view flag, uint64_t& target, std::string_view help) {
  add_typed<uint64_t, int64_t>(flag, target, help, "NUMBER");
}
void Settings::add(std::string_view flag, bool& target, std::string_view help) { add_typed<bool, bool>(flag, target, help, "BOOLEAN"); }

Status Settings::load() {
  if (config_file_.empty()) return ok();
  try {
    const toml::table table = toml::parse_file(config_file_);
    return apply(&table, config_file_);
  } catch (const toml::parse_error& e) {
    if (e.source().begin.line == 0) return error(Code::InvalidConfig, "cannot read {}: {}", config_file_, e.description());
    return config_error(config_file_, e.source(), std::string(e.description()));
  }
}

Status Settings::apply(const void* toml_table, std::string_view file) {
  std::vector<std::string> known;
  for (const Setting& setting : settings_) known.push_back(setting.key);
  for (const auto& [section, node] : *static_cast<const toml::table*>(toml_table)) {
    if (std::ranges::find(kSections, section.str()) == kSections.end()) {
      return config_error(file, node.source(),
                          fmt::format("unknown section [{}]; {}", section.str(), did_you_mean(section.str(), kSections)));
    }
    if (section.str() != section_) continue;
    if (!node.is_table()) return config_error(file, node.source(), fmt::format("[{}] must be a table", section.str()));
    for (const auto& [key, value] : *node.as_table()) {
      const auto setting = std::ranges::find(settings_, key.str(), &Setting::key);
      if (setting == settings_.end()) {
        return config_error(file, value.source(),
                            fmt::format("unknown setting '{}' in [{}]; {}", key.str(), section_, did_you_mean(key.str(), known)));
      }
      if (setting->option->count() > 0) continue;  // the command line wins
      if (const std::string wrong = setting->assign(&value); !wrong.empty()) {
        return config_error(file, value.source(), fmt::format("{} {}", key.str(), wrong));
      }
    }
  }
  return ok();
}

}  // namespace penstock::cmd
