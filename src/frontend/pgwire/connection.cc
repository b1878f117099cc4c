#include "frontend/pgwire/connection.h"

#include "frontend/pgwire/scram.h"
#include "frontend/pgwire/value_format.h"

namespace penstock::frontend::pgwire {
namespace {

constexpr size_t kFlushBytes = 64 << 10;
constexpr size_t kRead = 8 << 10;

std::optional<data::DataType> type_of_oid(uint32_t oid) {
  using enum data::TypeKind;
  for (const data::TypeKind kind : {Boolean, Int16, Int32, Int64, Float32, Float64, Numeric, Varchar, Date, Timestamp, Interval}) {
    if (data::postgres_oid(kind) == oid) return kind;
  }
  constexpr uint32_t kText = 25;
  if (oid == kText) return Varchar;
  return std::nullopt;  // 0 (unspecified), 705 (unknown), or a type we do not have: inferred
}

}  // namespace

/// Sends rows as they come.
class Connection::StreamingSink : public ResultSink {
 public:
  StreamingSink(Connection& connection, const std::vector<uint16_t>& formats) : connection_(connection), formats_(formats) {}
  Status rows(const data::DataChunk& chunk) override {
    constexpr size_t kRowsAtOnce = 256;
    for (size_t row = 0; row < chunk.rows(); row += kRowsAtOnce) {
      connection_.out_.data_rows(chunk, row, std::min(row + kRowsAtOnce, chunk.rows()), formats_);
      if (connection_.out_.bytes().size() > kFlushBytes) {
        PENSTOCK_TRY(connection_.flush());
      }
    }
    return ok();
  }

 private:
  Connection& connection_;
  const std::vector<uint16_t>& formats_;
};

Connection::~Connection() {
  if (session_) host_.unregister_session(process_);
}

Status Connection::run() {
  auto started = start_up();
  if (started.has_error()) {
    out_.error_response(started.error(), "FATAL");
    (void)flush();
    return started.error();
  }
  if (!started.value()) return ok();
  while (!terminated_) {
    auto message = read_message();
    if (message.has_error()) {  // where the next message begins is not known any more
      out_.error_response(message.error(), "FATAL");
      (void)flush();
      return message.error();
    }
    if (!message.value()) return ok();
    PENSTOCK_TRY(handle(std::move(*message.value())));
  }
  return ok();
}

// ---- bytes --------------------------------------------------------------------------------------------------------------------------

// Makes at least `bytes` bytes available behind input_used_. Errors: `Closed` when the client went away before.
Status Connection::fill(size_t bytes) {
  if (input_used_ > 0) {
    input_.erase(0, input_used_);
    input_used_ = 0;
  }
  while (input_.size() < bytes) {
    const size_t had = input_.size();
    input_.resize(had + std::max(kRead, std::min<size_t>(bytes - had, 1 << 20)));
    auto n = stream_.read_some({input_.data() + had, input_.size() - had});
    input_.resize(had + (n.has_value() ? n.value() : 0));
    if (n.has_error()) return n.error();
    if (n.value() == 0) return error(Code::Closed, "the client closed the connection");
  }
  return ok();
}

Result<std::string> Connection::read_body(size_t limit) {
  if (input_.size() - input_used_ < 4) {
    PENSTOCK_TRY(fill(4));
  }
  uint32_t size = 0;
  for (size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(input_[input_used_ + i]);
  if (size < 4 || size > limit) return error(Code::Protocol, "a message of {} bytes; at most {} are allowed", size, limit);
  if (input_.size() - input_used_ < size) {
    PENSTOCK_TRY(fill(size));
  }
  std::string body = input_.substr(input_used_ + 4, size - 4);
  input_used_ += size;
  return body;
}

Result<std::optional<ClientMessage>> Connection::read_message() {
  if (input_.size() == input_used_) {
    if (const Status filled = fill(1); filled.has_error()) {
      if (filled.error().code() == Code::Closed) return std::optional<ClientMessage>();
      return filled.error();
    }
  }
  const char type = input_[input_used_++];
  PENSTOCK_TRY(const std::string body, read_body(kMaxMessage));
  auto decoded = decode_message(type, body);
  if (decoded.has_error() && decoded.error().code() == Code::NotSupported) {
    fail(decoded.error());
    out_.ready_for_query(session_->transaction_status());
    PENSTOCK_TRY(flush());
    return read_message();
  }
  PENSTOCK_TRY(ClientMessage message, std::move(decoded));
  return std::optional(std::move(message));
}

Status Connection::flush() {
  if (out_.bytes().empty()) return ok();
  const std::string bytes = std::exchange(out_.bytes(), {});
  return stream_.write_all(bytes);
}

// ---- start-up -----------------------------------------------------------------------------------------------------------------------

Result<bool> Connection::start_up() {
  for (int round = 0; round < 3; ++round) {
    PENSTOCK_TRY(const std::string body, read_body(kMaxStartup));
    PENSTOCK_TRY(const FirstMessage first, decode_first(body));
    if (const auto* cancel = std::get_if<CancelRequest>(&first)) {
      host_.cancel(cancel->process, cancel->secret);
      return false;
    }
    if (const auto* startup = std::get_if<Startup>(&first)) {
      PENSTOCK_TRY(log_in(*startup));
      stream_.logged_in();
      return true;
    }
    if (std::holds_alternative<SslRequest>(first) && stream_.can_encrypt()) {
      // What was sent before the encryption must not be taken for something that came through it.
      if (input_used_ < input_.size()) return error(Code::Protocol, "bytes came between the request for TLS and its answer");
      PENSTOCK_TRY(stream_.write_all("S"));
      PENSTOCK_TRY(stream_.encrypt());
      continue;
    }
    PENSTOCK_TRY(stream_.write_all("N"));  // not here, or not now: go on as before
  }
  return error(Code::Protocol, "no start-up message came");
}

Status Connection::log_in(const Startup& startup) {
  const auto user = startup.parameters.find("user");
  if (user == startup.parameters.end()) return error(Code::Protocol, "the start-up message names no user");
  if (startup.minor > 0) out_.negotiate_protocol_version(0);
  PENSTOCK_TRY(authenticate(user->second));
  PENSTOCK_TRY(ConnectionHost::Login login, host_.login(startup.parameters));
  session_ = std::move(login.session);
  session_->set_deallocator([this](const std::optional<std::string>& name) { return deallocate(name); });
  session_->set_notice_sink([this](const std::string& text) {
    out_.notice_response(text);
    return flush();
  });
  out_.authentication_ok();
  for (const auto& [name, value] : login.parameters) out_.parameter_status(name, value);
  const auto [process, secret] = host_.register_session(*session_);
  process_ = process;
  out_.backend_key_data(process, secret);
  out_.ready_for_query(session_->transaction_status());
  return flush();
}

Status Connection::authenticate(const std::string& user) {
  PENSTOCK_TRY(const auto verifier, host_.verifier(user));
  if (!verifier) return ok();
  PENSTOCK_TRY(ScramServer scram, ScramServer::create(*verifier));
  out_.authentication_sasl({"SCRAM-SHA-256"});
  PENSTOCK_TRY(flush());
  const auto password = [this]() -> Result<std::string> {
    PENSTOCK_TRY(auto message, read_message());
    if (!message || !std::holds_alternative<Password>(*message)) return error(Code::Protocol, "a SASL answer was expected");
    return std::get<Password>(*message).body;
  };
  PENSTOCK_TRY(const std::string first, password());
  std::array<char, 18> nonce;
  host_.random_bytes(nonce);
  PENSTOCK_TRY(const std::string challenge, scram.first(first, nonce));
  out_.authentication_sasl_continue(challenge);
  PENSTOCK_TRY(flush());
  PENSTOCK_TRY(const std::string last, password());
  auto proof = scram.final(last);
  if (proof.has_error()) return error(Code::AuthenticationFailed, "password authentication failed for user \"{}\"", user);
  out_.authentication_sasl_final(proof.value());
  return ok();
}

// ---- statements ---------------------------------------------------------------------------------------------------------------------

void Connection::fail(const Error& error) {
  if (session_) session_->on_error();
  out_.error_response(error);
}

void Connection::send_notices() {
  for (const std::string& notice : session_->take_notices()) out_.notice_response(notice);
}

Status Connection::handle(ClientMessage message) {
  if (const auto* query = std::get_if<Query>(&message)) return simple_query(query->sql);
  if (std::holds_alternative<Terminate>(message)) {
    terminated_ = true;
    return ok();
  }
  if (std::holds_alternative<Sync>(message)) {
    skip_until_sync_ = false;
    if (session_->transaction_status() == TransactionStatus::Idle) portals_.clear();
    out_.ready_for_query(session_->transaction_status());
    return flush();
  }
  if (std::holds_alternative<Flush>(message)) return flush();
  if (std::holds_alternative<CopyData>(message) || std::holds_alternative<CopyDone>(message) || std::holds_alternative<CopyFail>(message)) {
    return ok();  // the rest of a COPY that has failed
  }
  if (skip_until_sync_) return ok();
  if (const Status done = extended(message); done.has_error()) {
    if (done.error().code() == Code::Closed) return done;
    fail(done.error());
    skip_until_sync_ = true;
  }
  if (out_.bytes().size() > kFlushBytes) return flush();
  return ok();
}

Status Connection::simple_query(const std::string& sql) {
  skip_until_sync_ = false;
  auto statements = session_->parse(sql);
  if (statements.has_error()) {
    fail(statements.error());
  } else if (statements.value().empty()) {
    out_.empty_query_response();
  } else {
    for (const auto& statement : statements.value()) {
      const Status ran = run_statement(*statement);
      send_notices();
      if (ran.has_value()) continue;
      if (ran.error().code() == Code::Closed) return ran;
      fail(ran.error());
      break;
    }
  }
  out_.ready_for_query(session_->transaction_status());
  return flush();
}

Status Connection::run_statement(const ParsedStatement& statement) {
  PENSTOCK_TRY(const auto prepared, session_->prepare(statement, {}));
  if (!prepared->parameters().empty()) return error(Code::Protocol, "there is no parameter $1 in a simple query");
  if (prepared->copies_in()) {
    PENSTOCK_TRY(const std::string tag, copy_in(*prepared));
    out_.command_complete(tag);
    return ok();
  }
  const std::vector<uint16_t> text;
  if (!prepared->columns().empty()) out_.row_description(prepared->columns(), text);
  StreamingSink sink(*this, text);
  PENSTOCK_TRY(const std::string tag, session_->execute(*prepared, {}, sink));
  out_.command_complete(tag);
  return ok();
}

// Until the client says that it is done, or has failed. Sync and Flush may have been sent ahead and mean nothing here.
Result<std::string> Connection::copy_in(const PreparedStatement& statement) {
  PENSTOCK_TRY(const auto copy, session_->begin_copy(statement));
  out_.copy_in_response(*statement.copies_in());
  PENSTOCK_TRY(flush());
  for (;;) {
    PENSTOCK_TRY(const auto message, read_message());
    if (!message) return error(Code::Closed, "the client closed the connection within a COPY");
    if (const auto* data = std::get_if<CopyData>(&*message)) {
      PENSTOCK_TRY(copy->add(data->bytes));
    } else if (std::holds_alternative<CopyDone>(*message)) {
      return copy->finish();
    } else if (const auto* failed = std::get_if<CopyFail>(&*message)) {
      return error(Code::Cancelled, "COPY from stdin failed: {}", failed->reason);
    } else if (!std::holds_alternative<Sync>(*message) && !std::holds_alternative<Flush>(*message)) {
      return error(Code::Protocol, "unexpected message within a COPY from stdin");
    }
  }
}

Status Connection::extended(const ClientMessage& message) {
  if (const auto* parse = std::get_if<Parse>(&message)) return on_parse(*parse);
  if (const auto* bind = std::get_if<Bind>(&message)) return on_bind(*bind);
  if (const auto* describe = std::get_if<Describe>(&message)) return on_describe(*describe);
  if (const auto* execute = std::get_if<Execute>(&message)) return on_execute(*execute);
  if (const auto* close = std::get_if<Close>(&message)) {
    on_close(*close);
    return ok();
  }
  return error(Code::Protocol, "a message that belongs to the start of a connection");
}

Status Connection::on_parse(const Parse& message) {
  if (!message.statement.empty() && statements_.contains(message.statement)) {
    return error(Code::DuplicateObject, "prepared statement \"{}\" already exists", message.statement);
  }
  PENSTOCK_TRY(const auto parsed, session_->parse(message.sql));
  if (parsed.size() > 1) return error(Code::Syntax, "cannot insert multiple commands into a prepared statement");
  std::shared_ptr<const PreparedStatement> prepared;
  if (!parsed.empty()) {
    std::vector<std::optional<data::DataType>> types;
    for (const uint32_t oid : message.parameter_oids) types.push_back(type_of_oid(oid));
    PENSTOCK_TRY(prepared, session_->prepare(*parsed[0], std::move(types)));
  }
  statements_[message.statement] = std::move(prepared);
  out_.parse_complete();
  return ok();
}

Status Connection::on_bind(const Bind& message) {
  const auto found = statements_.find(message.statement);
  if (found == statements_.end()) return error(Code::UndefinedObject, "prepared statement \"{}\" does not exist", message.statement);
  if (!message.portal.empty() && portals_.contains(message.portal)) {
    return error(Code::DuplicateObject, "portal \"{}\" already exists", message.portal);
  }
  Portal portal{.statement = found->second, .parameters = message.parameters, .formats = message.result_formats};
  const size_t expected = portal.statement ? portal.statement->parameters().size() : 0;
  if (message.parameters.size() != expected) {
    return error(Code::Protocol, "bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
                 message.parameters.size(), message.statement, expected);
  }
  for (size_t i = 0; i < expected; ++i) {
    const uint16_t format = format_of(message.parameter_formats, i);
    if (format > 1) return error(Code::Protocol, "format code {} is unknown", format);
    if (format == 0 || !portal.parameters[i]) continue;
    PENSTOCK_TRY(portal.parameters[i], binary_to_text(*portal.parameters[i], portal.statement->parameters()[i]));
  }
  portals_[message.portal] = std::move(portal);
  out_.bind_complete();
  return ok();
}

Status Connection::on_describe(const Describe& message) {
  const PreparedStatement* statement = nullptr;
  std::vector<uint16_t> formats;
  if (message.kind == 'S') {
    const auto found = statements_.find(message.name);
    if (found == statements_.end()) return error(Code::UndefinedObject, "prepared statement \"{}\" does not exist", message.name);
    statement = found->second.get();
    out_.parameter_description(statement == nullptr ? std::vector<data::DataType>() : statement->parameters());
  } else {
    const auto found = portals_.find(message.name);
    if (found == portals_.end()) return error(Code::UndefinedObject, "portal \"{}\" does not exist", message.name);
    statement = found->second.statement.get();
    formats = found->second.formats;
  }
  if (statement == nullptr || statement->columns().empty()) {
    out_.no_data();
  } else {
    out_.row_description(statement->columns(), formats);
  }
  return ok();
}

Status Connection::on_execute(const Execute& message) {
  const auto found = portals_.find(message.portal);
  if (found == portals_.end()) return error(Code::UndefinedObject, "portal \"{}\" does not exist", message.portal);
  Portal& portal = found->second;
  if (portal.statement == nullptr) {
    out_.empty_query_response();
    return ok();
  }
  if (portal.ran) return send_waiting(portal, message.max_rows);
  portal.ran = true;
  if (portal.statement->copies_in()) {
    PENSTOCK_TRY(portal.tag, copy_in(*portal.statement));
    send_notices();
    out_.command_complete(portal.tag);
    return ok();
  }
  if (message.max_rows == 0) {
    StreamingSink sink(*this, portal.formats);
    PENSTOCK_TRY(portal.tag, session_->execute(*portal.statement, portal.parameters, sink));
    send_notices();
    out_.command_complete(portal.tag);
    return ok();
  }
  struct KeepingSink : ResultSink {
    std::vector<data::DataChunk> chunks;
    Status rows(const data::DataChunk& chunk) override {
      chunks.push_back(chunk);
      return ok();
    }
  } sink;
  PENSTOCK_TRY(portal.tag, session_->execute(*portal.statement, portal.parameters, sink));
  send_notices();
  portal.waiting = std::move(sink.chunks);
  return send_waiting(portal, message.max_rows);
}

// A limit of 0 means all that is left.
Status Connection::send_waiting(Portal& portal, uint32_t max_rows) {
  uint64_t left = max_rows == 0 ? UINT64_MAX : max_rows;
  while (!portal.waiting.empty() && left > 0) {
    const data::DataChunk& chunk = portal.waiting.front();
    const size_t end = static_cast<size_t>(std::min<uint64_t>(chunk.rows(), portal.next_row + left));
    out_.data_rows(chunk, portal.next_row, end, portal.formats);
    left -= end - portal.next_row;
    portal.next_row = end;
    if (end == chunk.rows()) {
      portal.waiting.erase(portal.waiting.begin());
      portal.next_row = 0;
    }
    if (out_.bytes().size() > kFlushBytes) {
      PENSTOCK_TRY(flush());
    }
  }
  if (portal.waiting.empty()) {
    out_.command_complete(portal.tag);
  } else {
    out_.portal_suspended();
  }
  return ok();
}

void Connection::on_close(const Close& message) {
  if (message.kind == 'S') {
    statements_.erase(message.name);
  } else {
    portals_.erase(message.name);
  }
  out_.close_complete();
}

// DEALLOCATE; nullopt: all.
Status Connection::deallocate(const std::optional<std::string>& name) {
  if (!name) {
    statements_.clear();
  } else if (statements_.erase(*name) == 0) {
    return error(Code::UndefinedObject, "prepared statement \"{}\" does not exist", *name);
  }
  return ok();
}

}  // namespace penstock::frontend::pgwire
