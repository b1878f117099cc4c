#pragma once

#include <fmt/format.h>

#include <string_view>

namespace penstock::log {

enum class Level { Debug, Info, Warn, Error };

/// Lines go to standard error, with UTC time, level and `area`. Thread-safe. `set_level` is meant for start-up.
void set_level(Level level);
[[nodiscard]] bool enabled(Level level);
void write(Level level, std::string_view area, std::string_view text);

template <typename... Args>
void emit(Level level, std::string_view area, fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(level)) write(level, area, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void debug(std::string_view area, fmt::format_string<Args...> text, Args&&... args) {
  emit(Level::Debug, area, text, std::forward<Args>(args)...);
}
template <typename... Args>
void info(std::string_view area, fmt::format_string<Args...> text, Args&&... args) {
  emit(Level::Info, area, text, std::forward<Args>(args)...);
}
template <typename... Args>
void warn(std::string_view area, fmt::format_string<Args...> text, Args&&... args) {
  emit(Level::Warn, area, text, std::forward<Args>(args)...);
}
template <typename... Args>
void error(std::string_view area, fmt::format_string<Args...> text, Args&&... args) {
  emit(Level::Error, area, text, std::forward<Args>(args)...);
}

}  // namespace penstock::log
