#include "expr/datetime_units.h"

#include <array>
#include <string>

namespace penstock::expr {

namespace {

struct UnitName {
  std::string_view name;
  DateUnit unit;
};
constexpr std::array kUnitNames = {
    UnitName{"microsecond", DateUnit::Microsecond},
    UnitName{"us", DateUnit::Microsecond},
    UnitName{"usec", DateUnit::Microsecond},
    UnitName{"usecond", DateUnit::Microsecond},
    UnitName{"millisecond", DateUnit::Millisecond},
    UnitName{"ms", DateUnit::Millisecond},
    UnitName{"msec", DateUnit::Millisecond},
    UnitName{"msecond", DateUnit::Millisecond},
    UnitName{"second", DateUnit::Second},
    UnitName{"sec", DateUnit::Second},
    UnitName{"s", DateUnit::Second},
    UnitName{"minute", DateUnit::Minute},
    UnitName{"min", DateUnit::Minute},
    UnitName{"m", DateUnit::Minute},
    UnitName{"hour", DateUnit::Hour},
    UnitName{"hr", DateUnit::Hour},
    UnitName{"h", DateUnit::Hour},
    UnitName{"day", DateUnit::Day},
    UnitName{"d", DateUnit::Day},
    UnitName{"week", DateUnit::Week},
    UnitName{"w", DateUnit::Week},
    UnitName{"month", DateUnit::Month},
    UnitName{"mon", DateUnit::Month},
    UnitName{"quarter", DateUnit::Quarter},
    UnitName{"qtr", DateUnit::Quarter},
    UnitName{"year", DateUnit::Year},
    UnitName{"yr", DateUnit::Year},
    UnitName{"y", DateUnit::Year},
    UnitName{"decade", DateUnit::Decade},
    UnitName{"dec", DateUnit::Decade},
    UnitName{"century", DateUnit::Century},
    UnitName{"centurie", DateUnit::Century},
    UnitName{"cent", DateUnit::Century},
    UnitName{"c", DateUnit::Century},
    UnitName{"millennium", DateUnit::Millennium},
    UnitName{"millennia", DateUnit::Millennium},
    UnitName{"mil", DateUnit::Millennium},
    UnitName{"dow", DateUnit::DayOfWeek},
    UnitName{"isodow", DateUnit::IsoDayOfWeek},
    UnitName{"doy", DateUnit::DayOfYear},
    UnitName{"isoyear", DateUnit::IsoYear},
    UnitName{"epoch", DateUnit::Epoch},
    UnitName{"julian", DateUnit::Julian},
    UnitName{"jd", DateUnit::Julian},
    UnitName{"j", DateUnit::Julian},
};

}  // namespace

Result<DateUnit> parse_date_unit(std::string_view text, data::TypeKind type) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const std::string_view word = lower;
  const std::string_view singular = word.size() > 2 && word.back() == 's' ? word.substr(0, word.size() - 1) : word;
  for (const UnitName& known : kUnitNames) {
    if (known.name == word || known.name == singular) return known.unit;
  }
  return unrecognized_unit(text, type);
}

Error unrecognized_unit(std::string_view unit, data::TypeKind type) {
  return error(Code::InvalidParameter, "unit \"{}\" not recognized for type {}", unit, data::DataType(type).to_string());
}

Error unsupported_unit(std::string_view unit, data::TypeKind type) {
  return error(Code::NotSupported, "unit \"{}\" not supported for type {}", unit, data::DataType(type).to_string());
}

}  // namespace penstock::expr
