#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "data/interval.h"
#include "data/numeric.h"
#include "data/types.h"

namespace penstock::data {

/// One value that owns itself; monostate is NULL. For literals, tests, errors, results of SELECT and rare single rows: nothing on
/// a hot path turns rows into datums. Date is int32_t days, Timestamp int64_t microseconds, both since 1970-01-01.
using Datum = std::variant<std::monostate, bool, int16_t, int32_t, int64_t, float, double, Numeric, std::string, Interval>;
using Row = std::vector<Datum>;

[[nodiscard]] inline bool is_null(const Datum& d) { return std::holds_alternative<std::monostate>(d); }

/// Postgres' text form of a non-NULL value ("t", "2001-01-01 00:00:00", "1 mon 2 days 03:00:00", shortest float that reads back).
[[nodiscard]] std::string to_text(const Datum& value, DataType type);
/// As Postgres' input functions; a numeric(p,s) is brought to its scale. Errors: `InvalidText`, `InvalidDatetime`, `NumericOutOfRange`,
/// `DatetimeOverflow`, each with the text and the type. Which forms are read: text_io.h.
[[nodiscard]] Result<Datum> from_text(std::string_view text, DataType type);

}  // namespace penstock::data
