#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/types.h"

namespace penstock::frontend {

/// Parameters $1, $2, … of the extended protocol. A statement is bound without values to learn the types (Describe), and again with
/// them to run (Execute).
struct Parameters {
  /// By number - 1; nullopt: to be inferred from where the parameter stands, text if that says nothing. Filled by binding.
  std::vector<std::optional<data::DataType>> types;
  /// Values in Postgres' text form, nullopt for NULL. Absent: not known yet.
  std::optional<std::vector<std::optional<std::string>>> values;
};

}  // namespace penstock::frontend
