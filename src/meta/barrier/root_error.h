#pragma once

#include <string>

#include "common/error.h"

/// How nodes tell of the cause of a failure (`pb::RootError`).
namespace penstock::meta {

// As workers score errors: up to the first the consequence of another failure, from the second on certain to come again.
constexpr uint32_t kSecondaryScore = 10;
constexpr uint32_t kUserScore = 100;

/// Of an SQLSTATE; `Internal` for one that we do not know.
[[nodiscard]] inline Code code_of(const std::string& state) {
  for (uint8_t code = 0; code <= static_cast<uint8_t>(Code::Stale); ++code) {
    if (sqlstate(static_cast<Code>(code)) == state) return static_cast<Code>(code);
  }
  return Code::Internal;
}

}  // namespace penstock::meta
