#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "frontend/pgwire/sql_session.h"

/// Messages of the Postgres protocol 3.0 (PostgreSQL documentation, "Frontend/Backend Protocol"). Every length, count and text that a
/// client sends is checked.
namespace penstock::frontend::pgwire {

constexpr size_t kMaxStartup = 10'000;
constexpr size_t kMaxMessage = 64 << 20;

// ---- what clients send --------------------------------------------------------------------------------------------------------------

struct SslRequest {};
struct GssEncRequest {};
struct CancelRequest {
  uint32_t process;
  uint32_t secret;
};
struct Startup {
  uint32_t minor = 0;
  std::map<std::string, std::string> parameters;
};
using FirstMessage = std::variant<SslRequest, GssEncRequest, CancelRequest, Startup>;
/// The body after the length word. Errors: `Protocol`.
[[nodiscard]] Result<FirstMessage> decode_first(std::string_view body);

struct Query {
  std::string sql;
};
struct Parse {
  std::string statement;
  std::string sql;
  std::vector<uint32_t> parameter_oids;
};
struct Bind {
  std::string portal;
  std::string statement;
  std::vector<uint16_t> parameter_formats;
  std::vector<std::optional<std::string>> parameters;  // raw, in their formats
  std::vector<uint16_t> result_formats;
};
struct Describe {
  char kind;  // 'S' statement, 'P' portal
  std::string name;
};
struct Execute {
  std::string portal;
  uint32_t max_rows;
};
struct Close {
  char kind;
  std::string name;
};
/// Of a COPY FROM STDIN; dropped at any other time, as the rest of one that has failed.
struct CopyData {
  std::string bytes;
};
struct CopyDone {};
struct CopyFail {
  std::string reason;
};
struct Sync {};
struct Flush {};
struct Terminate {};
struct Password {
  std::string body;  // of a password or SASL message
};
using ClientMessage =
    std::variant<Query, Parse, Bind, Describe, Execute, Close, Sync, Flush, Terminate, Password, CopyData, CopyDone, CopyFail>;
/// Errors: `Protocol`; `NotSupported` for function calls.
[[nodiscard]] Result<ClientMessage> decode_message(char type, std::string_view body);

// ---- what the server sends; each appends one message to `out` -------------------------------------------------------------------------

class Writer {
 public:
  void authentication_ok();
  void authentication_sasl(const std::vector<std::string_view>& mechanisms);
  void authentication_sasl_continue(std::string_view data);
  void authentication_sasl_final(std::string_view data);
  void parameter_status(std::string_view name, std::string_view value);
  void backend_key_data(uint32_t process, uint32_t secret);
  void negotiate_protocol_version(uint32_t newest_minor);
  void ready_for_query(TransactionStatus status);
  void row_description(const std::vector<ResultColumn>& columns, const std::vector<uint16_t>& formats);
  void parameter_description(const std::vector<data::DataType>& types);
  /// Rows [begin, end) of `chunk`.
  void data_rows(const data::DataChunk& chunk, size_t begin, size_t end, const std::vector<uint16_t>& formats);
  void command_complete(std::string_view tag);
  void error_response(const Error& error, std::string_view severity = "ERROR");
  void notice_response(std::string_view text);
  void parse_complete() { empty('1'); }
  void bind_complete() { empty('2'); }
  void close_complete() { empty('3'); }
  void no_data() { empty('n'); }
  /// Rows of so many fields in text form are awaited.
  void copy_in_response(uint16_t fields);
  void empty_query_response() { empty('I'); }
  void portal_suspended() { empty('s'); }

  [[nodiscard]] std::string& bytes() { return bytes_; }

 private:
  void empty(char type);
  size_t begin(char type);
  void end(size_t start);
  void u16(uint16_t v);
  void u32(uint32_t v);
  void cstring(std::string_view text);
  std::string bytes_;
};

/// Format of column or parameter `i` as Bind gives them: none = text, one = for all.
[[nodiscard]] inline uint16_t format_of(const std::vector<uint16_t>& formats, size_t i) {
  return formats.empty() ? 0 : formats.size() == 1 ? formats[0] : i < formats.size() ? formats[i] : 0;
}

}  // namespace penstock::frontend::pgwire
