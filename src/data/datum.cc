#include "data/datum.h"

#include "data/column.h"
#include "data/text_io.h"

namespace penstock::data {
namespace {

// Reads `text` as a value of `type` and gives it to `use` as its physical type, text as a string_view.
template <typename F>
Status read_value(std::string_view text, DataType type, F&& use) {
  const auto give = [&use](auto result) -> Status {
    if (result.has_error()) return result.error();
    use(result.value());
    return ok();
  };
  switch (type.kind) {
    case TypeKind::Boolean:
      return give(parse_bool(text));
    case TypeKind::Int16:
      return give(parse_integer<int16_t>(text));
    case TypeKind::Int32:
      return give(parse_integer<int32_t>(text));
    case TypeKind::Int64:
      return give(parse_integer<int64_t>(text));
    case TypeKind::Float32:
      return give(parse_float<float>(text));
    case TypeKind::Float64:
      return give(parse_float<double>(text));
    case TypeKind::Date:
      return give(parse_date(text));
    case TypeKind::Timestamp:
      return give(parse_timestamp(text));
    case TypeKind::Interval:
      return give(parse_interval(text));
    case TypeKind::Numeric: {
      PENSTOCK_TRY(auto value, Numeric::parse(text));
      return type.precision < 0 ? give(Result<Numeric>(value)) : give(value.rescale(type.precision, type.scale));
    }
    case TypeKind::Varchar:
      use(text);
      return ok();
  }
  PENSTOCK_CHECK(false, "type kind {}", static_cast<int>(type.kind));
}

template <typename T>
void write_value(std::string& out, const T& value, TypeKind kind) {
  if constexpr (std::is_same_v<T, bool>) {
    append_bool(out, value);
  } else if constexpr (std::is_same_v<T, int32_t>) {
    kind == TypeKind::Date ? append_date(out, value) : append_integer(out, value);
  } else if constexpr (std::is_same_v<T, int64_t>) {
    kind == TypeKind::Timestamp ? append_timestamp(out, value) : append_integer(out, value);
  } else if constexpr (std::is_integral_v<T>) {
    append_integer(out, value);
  } else if constexpr (std::is_floating_point_v<T>) {
    append_float(out, value);
  } else if constexpr (std::is_same_v<T, Numeric>) {
    value.append_to(out);
  } else if constexpr (std::is_same_v<T, Interval>) {
    append_interval(out, value);
  } else {
    out += value;
  }
}

}  // namespace

std::string to_text(const Datum& value, DataType type) {
  return with_physical(type.kind, [&]<typename T>(std::type_identity<T>) {
    using Held = std::conditional_t<std::is_same_v<T, Text>, std::string, T>;
    const auto* const held = std::get_if<Held>(&value);
    PENSTOCK_CHECK(held != nullptr, "a datum of alternative {} has no text as {}", value.index(), type.to_string());
    std::string out;
    write_value(out, *held, type.kind);
    return out;
  });
}

Result<Datum> from_text(std::string_view text, DataType type) {
  Datum out;
  PENSTOCK_TRY(read_value(text, type, [&out]<typename T>(const T& value) {
    if constexpr (std::is_same_v<T, std::string_view>) {
      out = std::string(value);
    } else {
      out = value;
    }
  }));
  return out;
}

void append_text(std::string& out, const Column& column, size_t row) {
  with_physical(column.type().kind, [&]<typename T>(std::type_identity<T>) {
    if constexpr (std::is_same_v<T, Text>) {
      out += column.value<Text>(row).view();
    } else {
      write_value(out, column.value<T>(row), column.type().kind);
    }
  });
}

Status append_parsed(AnyColumnBuilder& builder, std::string_view text) {
  return read_value(text, builder.type(), [&builder]<typename T>(const T& value) {
    if constexpr (std::is_same_v<T, std::string_view>) {
      builder.as<Text>().append(value);
    } else {
      builder.as<T>().append(value);
    }
  });
}

}  // namespace penstock::data
