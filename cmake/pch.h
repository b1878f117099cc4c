#pragma once
// What nearly every file includes; third-party headers with a folder of their own stay out.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <absl/container/flat_hash_map.h>
#include <absl/functional/any_invocable.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/outcome/result.hpp>
#include <boost/outcome/try.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
