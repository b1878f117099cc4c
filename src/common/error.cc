#include "common/error.h"

namespace penstock {

namespace {

struct CodeText {
  Code code;
  std::string_view name;
  std::string_view sqlstate;
};

constexpr CodeText kCodes[] = {
    {Code::Internal, "Internal", "XX000"},
    {Code::Corruption, "Corruption", "XX001"},
    {Code::Protocol, "Protocol", "08P01"},
    {Code::Closed, "Closed", "08006"},
    {Code::Unavailable, "Unavailable", "57P03"},
    {Code::Timeout, "Timeout", "57014"},
    {Code::Cancelled, "Cancelled", "57014"},
    {Code::Io, "Io", "58030"},
    {Code::DiskFull, "DiskFull", "53100"},
    {Code::OutOfMemory, "OutOfMemory", "53200"},
    {Code::TooManyConnections, "TooManyConnections", "53300"},
    {Code::ConfigurationLimit, "ConfigurationLimit", "53400"},
    {Code::InvalidParameter, "InvalidParameter", "22023"},
    {Code::InvalidConfig, "InvalidConfig", "F0000"},
    {Code::Syntax, "Syntax", "42601"},
    {Code::TooComplex, "TooComplex", "54001"},
    {Code::UndefinedTable, "UndefinedTable", "42P01"},
    {Code::UndefinedColumn, "UndefinedColumn", "42703"},
    {Code::AmbiguousColumn, "AmbiguousColumn", "42702"},
    {Code::UndefinedFunction, "UndefinedFunction", "42883"},
    {Code::UndefinedObject, "UndefinedObject", "42704"},
    {Code::UndefinedDatabase, "UndefinedDatabase", "3D000"},
    {Code::DuplicateTable, "DuplicateTable", "42P07"},
    {Code::DuplicateColumn, "DuplicateColumn", "42701"},
    {Code::DuplicateObject, "DuplicateObject", "42710"},
    {Code::WrongObjectType, "WrongObjectType", "42809"},
    {Code::DatatypeMismatch, "DatatypeMismatch", "42804"},
    {Code::Grouping, "Grouping", "42803"},
    {Code::InvalidDefinition, "InvalidDefinition", "42P16"},
    {Code::DependentObjects, "DependentObjects", "2BP01"},
    {Code::ObjectInUse, "ObjectInUse", "55006"},
    {Code::NotNullViolation, "NotNullViolation", "23502"},
    {Code::DivisionByZero, "DivisionByZero", "22012"},
    {Code::NumericOutOfRange, "NumericOutOfRange", "22003"},
    {Code::InvalidText, "InvalidText", "22P02"},
    {Code::InvalidDatetime, "InvalidDatetime", "22007"},
    {Code::DatetimeOverflow, "DatetimeOverflow", "22008"},
    {Code::StringTruncation, "StringTruncation", "22001"},
    {Code::NotSupported, "NotSupported", "0A000"},
    {Code::SerializationFailure, "SerializationFailure", "40001"},
    {Code::OutcomeUnknown, "OutcomeUnknown", "40003"},
    {Code::FailedTransaction, "FailedTransaction", "25P02"},
    {Code::ActiveTransaction, "ActiveTransaction", "25001"},
    {Code::SnapshotTooOld, "SnapshotTooOld", "72000"},
    {Code::AuthenticationFailed, "AuthenticationFailed", "28P01"},
    {Code::Stale, "Stale", "55000"},
    {Code::UndefinedCursor, "UndefinedCursor", "34000"},
    {Code::DuplicateCursor, "DuplicateCursor", "42P03"},
};

// The table is indexed by the code.
constexpr bool complete() {
  for (size_t i = 0; i < std::size(kCodes); ++i) {
    if (static_cast<size_t>(kCodes[i].code) != i) return false;
  }
  return std::size(kCodes) == static_cast<size_t>(Code::DuplicateCursor) + 1;
}
static_assert(complete());

const CodeText& text_of(Code code) {
  const auto i = static_cast<size_t>(code);
  return kCodes[i < std::size(kCodes) ? i : 0];  // a number off the wire that this version does not know: our own fault or a newer peer's
}

}  // namespace

std::string_view sqlstate(Code code) { return text_of(code).sqlstate; }
std::string_view code_name(Code code) { return text_of(code).name; }

Error Error::with_context(std::string_view where) const {
  Data copy = *data_;
  if (!copy.context.empty()) copy.context += ", ";
  copy.context += where;
  Error e = *this;
  e.data_ = std::make_shared<Data>(std::move(copy));
  return e;
}

Error Error::with_hint(std::string hint) const {
  Data copy = *data_;
  copy.hint = std::move(hint);
  Error e = *this;
  e.data_ = std::make_shared<Data>(std::move(copy));
  return e;
}

Error Error::with_detail(std::string detail) const {
  Data copy = *data_;
  copy.detail = std::move(detail);
  Error e = *this;
  e.data_ = std::make_shared<Data>(std::move(copy));
  return e;
}

Error Error::at(uint32_t position) const {
  Data copy = *data_;
  copy.position = position;
  Error e = *this;
  e.data_ = std::make_shared<Data>(std::move(copy));
  return e;
}

std::string Error::to_string() const {
  std::string out = data_->message;
  if (!data_->context.empty()) out += fmt::format(" (in {})", data_->context);
  if (!data_->detail.empty()) out += fmt::format(". {}", data_->detail);
  if (!data_->hint.empty()) out += fmt::format(". Hint: {}", data_->hint);
  return out;
}

}  // namespace penstock
