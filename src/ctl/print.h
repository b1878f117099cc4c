#pragma once

#include <google/protobuf/message.h>

#include "common/error.h"

namespace penstock::ctl {

/// A message as JSON on standard output, fields by their names in proto/; those that are not set too.
[[nodiscard]] Status print_json(const google::protobuf::Message& message);

}  // namespace penstock::ctl
