#pragma once

#include <string>
#include <vector>

#include "ctl/meta_caller.h"
#include "proto/inspect.pb.h"

namespace penstock::ctl {

/// What is wrong with a data folder of this machine, seen from outside: whether it is one, of which format, who holds it, and how much room
/// its disk has. Changes nothing.
[[nodiscard]] std::vector<pb::DoctorFinding> examine_folder(const std::string& path);

/// Looks for everything that is known to go wrong and says what to do about it: meta's own findings, and those about `folders` here.
/// `meta` may be away: that is a finding. Returns whether nothing is an error.
[[nodiscard]] Result<bool> doctor(MetaCaller& meta, const std::vector<std::string>& folders, bool json);

}  // namespace penstock::ctl
