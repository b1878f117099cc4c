#pragma once

#include <span>
#include <string_view>

#include "sim/world.h"

namespace penstock::sim {

/// A named kind of run. What it does in detail is the seed's choice.
struct Scenario {
  std::string_view name;
  std::string_view what;     // one line, for `penstock simulate --list`
  std::string_view lessons;  // of docs/lessons.md
  void (*run)(World& world);
  Cluster::Options cluster = {};  // but the seed
};

[[nodiscard]] std::span<const Scenario> scenarios();
/// Null if there is none of the name.
[[nodiscard]] const Scenario* find_scenario(std::string_view name);

}  // namespace penstock::sim
