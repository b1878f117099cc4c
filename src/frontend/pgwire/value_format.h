#pragma once

#include <string>
#include <string_view>

#include "data/datum.h"

namespace penstock::frontend::pgwire {

/// Appends the binary form of Postgres' send functions. The value is not NULL.
void append_binary(const data::Datum& value, data::DataType type, std::string& out);
/// A parameter in binary form as text. Errors: `Protocol` (wrong length), `NotSupported` (numeric, interval).
[[nodiscard]] Result<std::string> binary_to_text(std::string_view bytes, data::DataType type);

}  // namespace penstock::frontend::pgwire
