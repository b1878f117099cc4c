#pragma once

#include <string>
#include <vector>

#include "common/error.h"
#include "runtime/runtime.h"

namespace penstock::bench {

/// `--local N`: starts N agents of this binary on free ports of loopback, each in a process of its own that ends after its run. They
/// outlive this process, so that a run can be resumed. Their output goes to `folder`/agent-N.log. Returns their addresses.
/// Errors: `Io`, `Timeout` with the last output.
[[nodiscard]] Result<std::vector<std::string>> start_local_agents(uint32_t count, bool allow_exec, const std::string& token_file,
                                                                  const std::string& folder, runtime::Runtime& runtime);

/// The line by which an agent says where it listens.
inline constexpr const char* kListening = "agent listens on ";

}  // namespace penstock::bench
