#pragma once

#include <string>

#include "proto/inspect.pb.h"

namespace penstock::ctl {

struct AwaitStyle {
  bool colour = false;      // for a terminal
  size_t most_actors = 20;  // listed of a fragment; those that wait longest come first
};

/// The await tree for people. First, for each database, the oldest barrier, how many actors have not collected it, and who holds it up,
/// with the chain that leads there; then each node: its tasks, its barriers and its actors by job and fragment. What has lasted longer than
/// a second is marked with "<--".
[[nodiscard]] std::string render_await(const pb::AwaitTreeReply& tree, AwaitStyle style);

}  // namespace penstock::ctl
