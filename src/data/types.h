#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"

namespace penstock::data {

/// Logical types. The number is stored on disk and sent over the wire: never change one, only add.
enum class TypeKind : uint8_t {
  Boolean = 1,
  Int16 = 2,
  Int32 = 3,
  Int64 = 4,
  Float32 = 5,
  Float64 = 6,
  Numeric = 7,
  Varchar = 8,
  Date = 9,
  Timestamp = 10,
  Interval = 11,
};

/// A type with its modifiers. Value type.
struct DataType {
  TypeKind kind = TypeKind::Int64;
  /// Numeric only: declared precision and scale; -1 = as Postgres' unconstrained numeric.
  int16_t precision = -1;
  int16_t scale = -1;

  constexpr DataType() = default;
  constexpr DataType(TypeKind k) : kind(k) {}  // NOLINT(google-explicit-constructor): a bare kind is a whole type
  constexpr DataType(TypeKind k, int16_t p, int16_t s) : kind(k), precision(p), scale(s) {}
  bool operator==(const DataType&) const = default;
  /// As Postgres prints it: "bigint", "character varying", "numeric(10,2)", "timestamp without time zone".
  [[nodiscard]] std::string to_string() const;
};

/// Type by any of its SQL names ("int8", "bigint", "varchar", "numeric(10,2)", …), lower case. Errors: `UndefinedObject`.
[[nodiscard]] Result<DataType> type_of_name(std::string_view name);
/// Whether `number`, from disk or the wire, is a TypeKind.
[[nodiscard]] bool is_type_kind(uint32_t number);
/// Postgres' type oid and fixed size (-1 = variable), for row descriptions.
[[nodiscard]] uint32_t postgres_oid(TypeKind kind);
[[nodiscard]] int16_t postgres_size(TypeKind kind);

struct Field {
  std::string name;
  DataType type;
  bool operator==(const Field&) const = default;
};

struct Schema {
  std::vector<Field> fields;
  [[nodiscard]] size_t size() const { return fields.size(); }
  [[nodiscard]] const Field& operator[](size_t i) const { return fields[i]; }
  bool operator==(const Schema&) const = default;
};

}  // namespace penstock::data
