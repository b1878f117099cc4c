#pragma once

#include <string>
#include <string_view>

#include "common/error.h"

namespace penstock::rpc {

/// A `Status` as bytes, for streams' endings and for messages that carry an error. Success is no bytes at all; an error is
///
///     u8 version = 1 | u8 n, n bytes code name | u8 has position | u32 position
///     u32 n, n bytes message | the same: context | hint | detail            (integers little-endian)
///
/// The code travels by name, so that peers of different versions agree on it; one that this side does not know is `Internal`.
[[nodiscard]] std::string encode_status(const Status& status);

/// Bytes that are no encoded status give a `Protocol` error which says so.
[[nodiscard]] Status decode_status(std::string_view bytes);

}  // namespace penstock::rpc
