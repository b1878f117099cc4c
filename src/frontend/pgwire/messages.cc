#include "frontend/pgwire/messages.h"

#include "frontend/pgwire/value_format.h"

namespace penstock::frontend::pgwire {
namespace {

constexpr uint32_t kSslRequest = 80877103, kCancelRequest = 80877102, kGssEncRequest = 80877104;

/// Reads fields off a message body; once anything is missing `failed()` is true and everything reads as empty.
class Reader {
 public:
  explicit Reader(std::string_view body) : rest_(body) {}
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool done() const { return rest_.empty(); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return number(4); }
  char byte() { return static_cast<char>(number(1)); }
  std::string cstring() {
    const size_t end = rest_.find('\0');
    if (end == std::string_view::npos) return fail();
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }
  std::string bytes(size_t size) {
    if (size > rest_.size()) return fail();
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }
  // A count word, and that many elements of at least `least` bytes.
  size_t count(size_t least) {
    const size_t n = u16();
    if (n * least > rest_.size()) fail();
    return failed_ ? 0 : n;
  }

 private:
  std::string fail() {
    failed_ = true;
    rest_ = {};
    return {};
  }
  uint32_t number(size_t size) {
    if (size > rest_.size()) {
      fail();
      return 0;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(size);
    return value;
  }
  std::string_view rest_;
  bool failed_ = false;
};

Bind decode_bind(Reader& in) {
  Bind bind{.portal = in.cstring(), .statement = in.cstring()};
  for (size_t n = in.count(2); n > 0; --n) bind.parameter_formats.push_back(in.u16());
  for (size_t n = in.count(4); n > 0; --n) {
    const uint32_t size = in.u32();
    if (size == UINT32_MAX) {
      bind.parameters.emplace_back(std::nullopt);
    } else {
      bind.parameters.emplace_back(in.bytes(size));
    }
  }
  for (size_t n = in.count(2); n > 0; --n) bind.result_formats.push_back(in.u16());
  return bind;
}

Parse decode_parse(Reader& in) {
  Parse parse{.statement = in.cstring(), .sql = in.cstring()};
  for (size_t n = in.count(4); n > 0; --n) parse.parameter_oids.push_back(in.u32());
  return parse;
}

}  // namespace

Result<FirstMessage> decode_first(std::string_view body) {
  Reader in(body);
  const uint32_t code = in.u32();
  if (in.failed()) return error(Code::Protocol, "the first message is too short");
  if (code == kSslRequest) return SslRequest{};
  if (code == kGssEncRequest) return GssEncRequest{};
  if (code == kCancelRequest) {
    CancelRequest cancel{in.u32(), in.u32()};
    if (in.failed()) return error(Code::Protocol, "a cancel request is too short");
    return cancel;
  }
  if (code >> 16 != 3) {
    return error(Code::Protocol, "protocol version {}.{} is not supported; this server speaks PostgreSQL's 3.0", code >> 16, code & 0xFFFF);
  }
  Startup startup{.minor = code & 0xFFFF};
  for (;;) {
    const std::string name = in.cstring();
    if (in.failed()) return error(Code::Protocol, "the start-up message does not end");
    if (name.empty()) return startup;
    startup.parameters[name] = in.cstring();
  }
}

Result<ClientMessage> decode_message(char type, std::string_view body) {
  Reader in(body);
  ClientMessage message;
  switch (type) {
    case 'Q':
      message = Query{in.cstring()};
      break;
    case 'P':
      message = decode_parse(in);
      break;
    case 'B':
      message = decode_bind(in);
      break;
    case 'D':
      message = Describe{in.byte(), in.cstring()};
      break;
    case 'E':
      message = Execute{in.cstring(), in.u32()};
      break;
    case 'C':
      message = Close{in.byte(), in.cstring()};
      break;
    case 'S':
      message = Sync{};
      break;
    case 'H':
      message = Flush{};
      break;
    case 'X':
      message = Terminate{};
      break;
    case 'p':
      return Password{std::string(body)};
    case 'F':
      return error(Code::NotSupported, "function calls of the protocol are not supported; use SELECT");
    case 'd':
      return CopyData{std::string(body)};
    case 'c':
      message = CopyDone{};
      break;
    case 'f':
      message = CopyFail{in.cstring()};
      break;
    default:
      return error(Code::Protocol, "message of unknown type {:#04x}", static_cast<unsigned char>(type));
  }
  if (in.failed() || !in.done()) return error(Code::Protocol, "message '{}' has a wrong length or a text without end", type);
  return message;
}

// ---- writer -------------------------------------------------------------------------------------------------------------------------

size_t Writer::begin(char type) {
  bytes_.push_back(type);
  bytes_.append(4, '\0');
  return bytes_.size() - 4;
}

void Writer::end(size_t start) {
  const auto size = static_cast<uint32_t>(bytes_.size() - start);
  for (size_t i = 0; i < 4; ++i) bytes_[start + i] = static_cast<char>(size >> (24 - 8 * i));
}

void Writer::copy_in_response(uint16_t fields) {
  const size_t start = begin('G');
  bytes_.push_back('\0');
  u16(fields);
  for (uint16_t i = 0; i < fields; ++i) u16(0);
  end(start);
}

void Writer::u16(uint16_t v) {
  bytes_.push_back(static_cast<char>(v >> 8));
  bytes_.push_back(static_cast<char>(v));
}

void Writer::u32(uint32_t v) {
  u16(static_cast<uint16_t>(v >> 16));
  u16(static_cast<uint16_t>(v));
}

void Writer::cstring(std::string_view text) {
  bytes_ += text.substr(0, text.find('\0'));
  bytes_.push_back('\0');
}

void Writer::empty(char type) { end(begin(type)); }

void Writer::authentication_ok() {
  const size_t at = begin('R');
  u32(0);
  end(at);
}

void Writer::authentication_sasl(const std::vector<std::string_view>& mechanisms) {
  const size_t at = begin('R');
  u32(10);
  for (const std::string_view mechanism : mechanisms) cstring(mechanism);
  bytes_.push_back('\0');
  end(at);
}

void Writer::authentication_sasl_continue(std::string_view data) {
  const size_t at = begin('R');
  u32(11);
  bytes_ += data;
  end(at);
}

void Writer::authentication_sasl_final(std::string_view data) {
  const size_t at = begin('R');
  u32(12);
  bytes_ += data;
  end(at);
}

void Writer::parameter_status(std::string_view name, std::string_view value) {
  const size_t at = begin('S');
  cstring(name);
  cstring(value);
  end(at);
}

void Writer::backend_key_data(uint32_t process, uint32_t secret) {
  const size_t at = begin('K');
  u32(process);
  u32(secret);
  end(at);
}

void Writer::negotiate_protocol_version(uint32_t newest_minor) {
  const size_t at = begin('v');
  u32(newest_minor);
  u32(0);
  end(at);
}

void Writer::ready_for_query(TransactionStatus status) {
  const size_t at = begin('Z');
  bytes_.push_back(static_cast<char>(status));
  end(at);
}

void Writer::row_description(const std::vector<ResultColumn>& columns, const std::vector<uint16_t>& formats) {
  const size_t at = begin('T');
  u16(static_cast<uint16_t>(columns.size()));
  for (size_t i = 0; i < columns.size(); ++i) {
    const data::DataType type = columns[i].type;
    cstring(columns[i].name);
    u32(0);  // not a column of a table that the client could look up
    u16(0);
    u32(data::postgres_oid(type.kind));
    u16(static_cast<uint16_t>(data::postgres_size(type.kind)));
    const bool modified = type.kind == data::TypeKind::Numeric && type.precision >= 0;
    u32(modified ? static_cast<uint32_t>((type.precision << 16 | type.scale) + 4) : UINT32_MAX);
    u16(format_of(formats, i));
  }
  end(at);
}

void Writer::parameter_description(const std::vector<data::DataType>& types) {
  const size_t at = begin('t');
  u16(static_cast<uint16_t>(types.size()));
  for (const data::DataType type : types) u32(data::postgres_oid(type.kind));
  end(at);
}

void Writer::data_rows(const data::DataChunk& chunk, size_t first, size_t last, const std::vector<uint16_t>& formats) {
  for (size_t row = first; row < last; ++row) {
    const size_t at = begin('D');
    u16(static_cast<uint16_t>(chunk.width()));
    for (size_t i = 0; i < chunk.width(); ++i) {
      const data::Column& column = chunk.column(i);
      if (column.is_null(row)) {
        u32(UINT32_MAX);
        continue;
      }
      const size_t size_at = bytes_.size();
      u32(0);
      if (format_of(formats, i) == 1) {
        append_binary(column.datum(row), column.type(), bytes_);
      } else if (column.type().kind == data::TypeKind::Varchar) {
        bytes_ += column.value<data::Text>(row).view();
      } else {
        bytes_ += data::to_text(column.datum(row), column.type());
      }
      const auto size = static_cast<uint32_t>(bytes_.size() - size_at - 4);
      for (size_t b = 0; b < 4; ++b) bytes_[size_at + b] = static_cast<char>(size >> (24 - 8 * b));
    }
    end(at);
  }
}

void Writer::command_complete(std::string_view tag) {
  const size_t at = begin('C');
  cstring(tag);
  end(at);
}

void Writer::error_response(const Error& error, std::string_view severity) {
  const size_t at = begin('E');
  const auto field = [this](char code, std::string_view text) {
    bytes_.push_back(code);
    cstring(text);
  };
  field('S', severity);
  field('V', severity);
  field('C', sqlstate(error.code()));
  field('M', error.message());
  if (!error.detail().empty()) field('D', error.detail());
  if (!error.hint().empty()) field('H', error.hint());
  if (error.position()) field('P', fmt::format("{}", *error.position()));
  if (!error.context().empty()) field('W', error.context());
  bytes_.push_back('\0');
  end(at);
}

void Writer::notice_response(std::string_view text) {
  const size_t at = begin('N');
  for (const auto& [code, value] : {std::pair{'S', std::string_view("NOTICE")}, {'V', "NOTICE"}, {'C', "00000"}, {'M', text}}) {
    bytes_.push_back(code);
    cstring(value);
  }
  bytes_.push_back('\0');
  end(at);
}

}  // namespace penstock::frontend::pgwire
