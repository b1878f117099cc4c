#pragma once

#include "bench/plan/yaml_reader.h"

namespace penstock::bench {

/// Reads `workload:` of `stage`, whose other keys have been read from `outer`, and the `run:` of `plan` as well. Throws `Mistake`.
[[nodiscard]] StageWorkload parse_workload(const YamlMap& outer, const YAML::Node& node, const Stage& stage, const Plan& plan);

// Parts of it.
[[nodiscard]] ChaosOptions read_chaos(YamlMap& map, const Stage& stage, const Plan& plan);
void read_server(YamlMap& map, SqlServer& server);
void read_processes(YamlMap& run, Plan& plan);
void read_links(YamlMap& run, Plan& plan);

}  // namespace penstock::bench
