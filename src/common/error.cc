#include "common/error.h"

namespace penstock {

std::string_view sqlstate(Code code) {
  switch (code) {
    case Code::Internal:
      return "XX000";
    case Code::Corruption:
      return "XX001";
    case Code::Protocol:
      return "08P01";
    case Code::Closed:
      return "08006";
    case Code::Unavailable:
      return "57P03";
    case Code::Timeout:
      return "57014";
    case Code::Cancelled:
      return "57014";
    case Code::Io:
      return "58030";
    case Code::DiskFull:
      return "53100";
    case Code::OutOfMemory:
      return "53200";
    case Code::TooManyConnections:
      return "53300";
    case Code::ConfigurationLimit:
      return "53400";
    case Code::InvalidParameter:
      return "22023";
    case Code::InvalidConfig:
      return "F0000";
    case Code::Syntax:
      return "42601";
    case Code::TooComplex:
      return "54001";
    case Code::UndefinedTable:
      return "42P01";
    case Code::UndefinedColumn:
      return "42703";
    case Code::AmbiguousColumn:
      return "42702";
    case Code::UndefinedFunction:
      return "42883";
    case Code::UndefinedObject:
      return "42704";
    case Code::UndefinedDatabase:
      return "3D000";
    case Code::DuplicateTable:
      return "42P07";
    case Code::DuplicateColumn:
      return "42701";
    case Code::DuplicateObject:
      return "42710";
    case Code::WrongObjectType:
      return "42809";
    case Code::DatatypeMismatch:
      return "42804";
    case Code::Grouping:
      return "42803";
    case Code::InvalidDefinition:
      return "42P16";
    case Code::DependentObjects:
      return "2BP01";
    case Code::ObjectInUse:
      return "55006";
    case Code::NotNullViolation:
      return "23502";
    case Code::DivisionByZero:
      return "22012";
    case Code::NumericOutOfRange:
      return "22003";
    case Code::InvalidText:
      return "22P02";
    case Code::InvalidDatetime:
      return "22007";
    case Code::DatetimeOverflow:
      return "22008";
    case Code::StringTruncation:
      return "22001";
    case Code::NotSupported:
      return "0A000";
    case Code::SerializationFailure:
      return "40001";
    case Code::OutcomeUnknown:
      return "40003";
    case Code::FailedTransaction:
      return "25P02";
    case Code::ActiveTransaction:
      return "25001";
    case Code::SnapshotTooOld:
      return "72000";
    case Code::AuthenticationFailed:
      return "28P01";
    case Code::Stale:
      return "55000";
  }
  return "XX000";
}

std::string_view code_name(Code code) {
  switch (code) {
    case Code::Internal:
      return "Internal";
    case Code::Corruption:
      return "Corruption";
    case Code::Protocol:
      return "Protocol";
    case Code::Closed:
      return "Closed";
    case Code::Unavailable:
      return "Unavailable";
    case Code::Timeout:
      return "Timeout";
    case Code::Cancelled:
      return "Cancelled";
    case Code::Io:
      return "Io";
    case Code::DiskFull:
      return "DiskFull";
    case Code::OutOfMemory:
      return "OutOfMemory";
    case Code::TooManyConnections:
      return "TooManyConnections";
    case Code::ConfigurationLimit:
      return "ConfigurationLimit";
    case Code::InvalidParameter:
      return "InvalidParameter";
    case Code::InvalidConfig:
      return "InvalidConfig";
    case Code::Syntax:
      return "Syntax";
    case Code::TooComplex:
      return "TooComplex";
    case Code::UndefinedTable:
      return "UndefinedTable";
    case Code::UndefinedColumn:
      return "UndefinedColumn";
    case Code::AmbiguousColumn:
      return "AmbiguousColumn";
    case Code::UndefinedFunction:
      return "UndefinedFunction";
    case Code::UndefinedObject:
      return "UndefinedObject";
    case Code::UndefinedDatabase:
      return "UndefinedDatabase";
    case Code::DuplicateTable:
      return "DuplicateTable";
    case Code::DuplicateColumn:
      return "DuplicateColumn";
    case Code::DuplicateObject:
      return "DuplicateObject";
    case Code::WrongObjectType:
      return "WrongObjectType";
    case Code::DatatypeMismatch:
      return "DatatypeMismatch";
    case Code::Grouping:
      return "Grouping";
    case Code::InvalidDefinition:
      return "InvalidDefinition";
    case Code::DependentObjects:
      return "DependentObjects";
    case Code::ObjectInUse:
      return "ObjectInUse";
    case Code::NotNullViolation:
      return "NotNullViolation";
    case Code::DivisionByZero:
      return "DivisionByZero";
    case Code::NumericOutOfRange:
      return "NumericOutOfRange";
    case Code::InvalidText:
      return "InvalidText";
    case Code::InvalidDatetime:
      return "InvalidDatetime";
    case Code::DatetimeOverflow:
      return "DatetimeOverflow";
    case Code::StringTruncation:
      return "StringTruncation";
    case Code::NotSupported:
      return "NotSupported";
    case Code::SerializationFailure:
      return "SerializationFailure";
    case Code::OutcomeUnknown:
      return "OutcomeUnknown";
    case Code::FailedTransaction:
      return "FailedTransaction";
    case Code::ActiveTransaction:
      return "ActiveTransaction";
    case Code::SnapshotTooOld:
      return "SnapshotTooOld";
    case Code::AuthenticationFailed:
      return "AuthenticationFailed";
    case Code::Stale:
      return "Stale";
  }
  return "Internal";
}

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
