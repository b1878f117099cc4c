#pragma once

#include "bench/plan/yaml_reader.h"

namespace penstock::bench {

/// Reads `workload:` of `stage`, whose other keys have been read. Throws `Mistake`.
[[nodiscard]] WorkloadOptions parse_workload(const YAML::Node& node, const Stage& stage);

}  // namespace penstock::bench
