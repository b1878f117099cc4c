#pragma once

#include <fmt/format.h>

#include <boost/outcome/result.hpp>
#include <boost/outcome/try.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace penstock {

/// What kind of failure; each has one SQLSTATE (`sqlstate()`), so an error can travel to a Postgres client unchanged.
enum class Code : uint8_t {
  Internal,              // XX000  our own fault
  Corruption,            // XX001  stored bytes are not what was written
  Protocol,              // 08P01  a peer said something that its state does not allow
  Closed,                // 08006  the other end is gone
  Unavailable,           // 57P03  try again later: starting, recovering, no worker
  Timeout,               // 57014  a limit of time was reached
  Cancelled,             // 57014  the user asked
  Io,                    // 58030  the operating system said no
  DiskFull,              // 53100
  OutOfMemory,           // 53200
  TooManyConnections,    // 53300
  ConfigurationLimit,    // 53400
  InvalidParameter,      // 22023  a setting or option has a bad value
  InvalidConfig,         // F0000  a flag or configuration file
  Syntax,                // 42601
  TooComplex,            // 54001
  UndefinedTable,        // 42P01
  UndefinedColumn,       // 42703
  AmbiguousColumn,       // 42702
  UndefinedFunction,     // 42883
  UndefinedObject,       // 42704
  UndefinedDatabase,     // 3D000
  DuplicateTable,        // 42P07
  DuplicateColumn,       // 42701
  DuplicateObject,       // 42710
  WrongObjectType,       // 42809
  DatatypeMismatch,      // 42804
  Grouping,              // 42803
  InvalidDefinition,     // 42P16
  DependentObjects,      // 2BP01
  ObjectInUse,           // 55006
  NotNullViolation,      // 23502
  DivisionByZero,        // 22012
  NumericOutOfRange,     // 22003
  InvalidText,           // 22P02  text is no value of the type
  InvalidDatetime,       // 22007
  DatetimeOverflow,      // 22008
  StringTruncation,      // 22001
  NotSupported,          // 0A000
  SerializationFailure,  // 40001  not applied; retry
  OutcomeUnknown,        // 40003
  FailedTransaction,     // 25P02
  ActiveTransaction,     // 25001
  SnapshotTooOld,        // 72000  this node cannot answer for that epoch
  AuthenticationFailed,  // 28P01
  Stale,                 // 55000  object is not in a state for this
  UndefinedCursor,       // 34000
  DuplicateCursor,       // 42P03
};

[[nodiscard]] std::string_view sqlstate(Code code);
[[nodiscard]] std::string_view code_name(Code code);

/// A failure: a code, what happened, where it happened (context, added by each caller on the way up, innermost first), and if
/// it helps a hint of what to do and the 1-based character position in the SQL text. Cheap to copy; never empty.
class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message) : data_(std::make_shared<Data>(Data{code, std::move(message), {}, {}, {}, {}})) {}

  [[nodiscard]] Code code() const { return data_->code; }
  [[nodiscard]] const std::string& message() const { return data_->message; }
  [[nodiscard]] const std::string& hint() const { return data_->hint; }
  [[nodiscard]] const std::string& detail() const { return data_->detail; }
  [[nodiscard]] const std::string& context() const { return data_->context; }
  [[nodiscard]] std::optional<uint32_t> position() const { return data_->position; }

  /// Copies with one more piece of knowledge.
  [[nodiscard]] Error with_context(std::string_view where) const;
  [[nodiscard]] Error with_hint(std::string hint) const;
  [[nodiscard]] Error with_detail(std::string detail) const;
  [[nodiscard]] Error at(uint32_t position) const;

  /// "message (context: …). hint" on one line, for logs and command lines.
  [[nodiscard]] std::string to_string() const;

 private:
  struct Data {
    Code code;
    std::string message;
    std::string context;
    std::string hint;
    std::string detail;
    std::optional<uint32_t> position;
  };
  std::shared_ptr<const Data> data_;  // shared: one failure is reported to many waiters, none changes it
};

template <typename... Args>
[[nodiscard]] Error error(Code code, fmt::format_string<Args...> text, Args&&... args) {
  return {code, fmt::format(text, std::forward<Args>(args)...)};
}

/// A value or an `Error`. Reading the wrong side ends the process. `PENSTOCK_TRY(auto x, f())` returns early on error; it is several
/// statements, so an `if` around it needs braces.
template <typename T>
using Result = BOOST_OUTCOME_V2_NAMESPACE::basic_result<T, Error, BOOST_OUTCOME_V2_NAMESPACE::policy::terminate>;
using Status = Result<void>;
[[nodiscard]] inline Status ok() { return BOOST_OUTCOME_V2_NAMESPACE::success(); }

/// As the result, with `where` added to the context of an error.
template <typename T>
[[nodiscard]] Result<T> in_context(Result<T> result, std::string_view where) {
  if (result.has_error()) return result.error().with_context(where);
  return result;
}

}  // namespace penstock

#define PENSTOCK_TRY BOOST_OUTCOME_TRY

template <>
struct fmt::formatter<penstock::Error> : fmt::formatter<std::string> {
  auto format(const penstock::Error& e, fmt::format_context& ctx) const { return fmt::formatter<std::string>::format(e.to_string(), ctx); }
};
