#include "frontend/planner/plan_text.h"

#include <fmt/ranges.h>

#include "data/datum.h"

namespace penstock::frontend {

std::string list_text(std::span<const std::string> items) { return fmt::format("[{}]", fmt::join(items, ", ")); }

std::string pick_text(std::span<const std::string> names, std::span<const uint32_t> picks) {
  std::vector<std::string> picked;
  for (const uint32_t p : picks) picked.push_back(names[p]);
  return list_text(picked);
}

std::string aggregate_text(const logical::AggCall& call, std::span<const std::string> names) {
  std::vector<std::string> args;
  for (const uint32_t a : call.args) args.push_back(names[a]);
  std::string out = fmt::format("{}({}{})", call.function, call.distinct ? "distinct " : "",
                                args.empty() ? "*" : fmt::format("{}", fmt::join(args, ", ")));
  if (call.filter) out += fmt::format(" filter({})", names[*call.filter]);
  return out;
}

std::string join_text(const logical::Join& join, std::span<const std::string> left, std::span<const std::string> right) {
  std::vector<std::string> parts;
  for (const auto& [l, r] : join.keys) parts.push_back(fmt::format("{} = {}", left[l], right[r]));
  std::vector<std::string> both(left.begin(), left.end());
  both.insert(both.end(), right.begin(), right.end());
  if (join.condition) {
    for (const Expr& e : split_conjunction(*join.condition)) parts.push_back(to_string(e, both));
  }
  return parts.empty() ? "true" : fmt::format("{}", fmt::join(parts, " AND "));
}

std::string_view join_name(logical::JoinKind kind) {
  switch (kind) {
    case logical::JoinKind::Inner:
      return "Inner";
    case logical::JoinKind::Left:
      return "LeftOuter";
    case logical::JoinKind::Right:
      return "RightOuter";
    case logical::JoinKind::Full:
      return "FullOuter";
  }
  return "Inner";
}

std::string interval_text(int64_t micros) { return data::to_text(data::Interval{0, 0, micros}, data::TypeKind::Interval); }

std::string window_text(const logical::Window& window, std::span<const std::string> names) {
  std::vector<std::string> all(names.begin(), names.end());
  all.insert(all.end(), {"window_start", "window_end"});
  if (window.slide_micros == window.size_micros) {
    return fmt::format("time_col: {}, size: {}, output: {}", names[window.time_column], interval_text(window.size_micros),
                       pick_text(all, window.output));
  }
  return fmt::format("time_col: {}, slide: {}, size: {}, output: {}", names[window.time_column], interval_text(window.slide_micros),
                     interval_text(window.size_micros), pick_text(all, window.output));
}

}  // namespace penstock::frontend
