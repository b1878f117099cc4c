#include "frontend/pgwire/connection.h"

#include <gtest/gtest.h>

#include <random>

#include "frontend/pgwire/scram.h"

namespace penstock::frontend::pgwire {
namespace {

using data::TypeKind;

struct FakeParsed : ParsedStatement {
  std::string sql;
};
struct FakePrepared : PreparedStatement {
  std::string sql;
  std::vector<data::DataType> types;
  std::vector<ResultColumn> result;
  const std::vector<data::DataType>& parameters() const override { return types; }
  const std::vector<ResultColumn>& columns() const override { return result; }
  std::optional<uint16_t> copies_in() const override { return sql == "copy" ? std::optional<uint16_t>(2) : std::nullopt; }
};

/// Counts bytes; an 'x' among them is an error.
struct FakeCopy : CopyIn {
  Status add(std::string_view bytes) override {
    if (bytes.find('x') != std::string_view::npos) return error(Code::InvalidText, "an x");
    count += bytes.size();
    return ok();
  }
  Result<std::string> finish() override { return fmt::format("COPY {}", count); }
  size_t count = 0;
};

/// Statements: "wait" says so in a notice, "copy" takes what the client sends, "rows N" gives N rows, "echo" gives its parameter, "fail"
/// fails, "none" has no rows.
class FakeSession : public SqlSession {
 public:
  Result<std::vector<std::unique_ptr<ParsedStatement>>> parse(std::string_view sql) override {
    std::vector<std::unique_ptr<ParsedStatement>> out;
    while (!sql.empty()) {
      const size_t end = std::min(sql.find(';'), sql.size());
      auto statement = std::make_unique<FakeParsed>();
      statement->sql = sql.substr(0, end);
      if (statement->sql == "syntax") return error(Code::Syntax, "syntax error").at(3);
      out.push_back(std::move(statement));
      sql.remove_prefix(std::min(end + 1, sql.size()));
    }
    return out;
  }
  Result<std::unique_ptr<PreparedStatement>> prepare(const ParsedStatement& statement,
                                                     std::vector<std::optional<data::DataType>>) override {
    auto prepared = std::make_unique<FakePrepared>();
    prepared->sql = static_cast<const FakeParsed&>(statement).sql;
    if (prepared->sql.starts_with("rows")) prepared->result = {{"n", TypeKind::Int64}, {"t", TypeKind::Varchar}};
    if (prepared->sql == "echo") {
      prepared->types = {TypeKind::Int64};
      prepared->result = {{"v", TypeKind::Varchar}};
    }
    return prepared;
  }
  Result<std::string> execute(const PreparedStatement& statement, const std::vector<std::optional<std::string>>& parameters,
                              ResultSink& sink) override {
    const std::string& sql = static_cast<const FakePrepared&>(statement).sql;
    if (sql == "fail") return error(Code::DivisionByZero, "division by zero");
    if (sql == "none") return std::string("NONE");
    if (sql == "wait") {
      PENSTOCK_TRY(notice_sink("it waits"));
      while_waiting();
      return std::string("WAIT");
    }
    if (sql == "echo") {
      PENSTOCK_TRY(sink.rows(data::DataChunk({data::Column::constant(TypeKind::Varchar, parameters[0].value_or("NULL"), 1)}, 1)));
      return std::string("SELECT 1");
    }
    int64_t n = 0;
    if (!sql.starts_with("rows ")) return error(Code::Syntax, "no statement");
    for (const char c : sql.substr(5)) n = std::min<int64_t>(n * 10 + (c - '0'), 100);
    for (int64_t i = 0; i < n; ++i) {
      PENSTOCK_TRY(sink.rows(data::DataChunk({data::Column::constant(TypeKind::Int64, i, 1),
                                              data::Column::constant(TypeKind::Varchar, i == 1 ? data::Datum() : data::Datum("x"), 1)},
                                             1)));
    }
    return fmt::format("SELECT {}", n);
  }
  Result<std::unique_ptr<CopyIn>> begin_copy(const PreparedStatement&) override {
    return std::unique_ptr<CopyIn>(std::make_unique<FakeCopy>());
  }
  TransactionStatus transaction_status() const override { return TransactionStatus::Idle; }
  void on_error() override {}
  void cancel() override {}
  void set_notice_sink(NoticeSink sink) override { notice_sink = std::move(sink); }

  NoticeSink notice_sink;
  std::function<void()> while_waiting;
};

struct FakeHost : ConnectionHost {
  std::optional<std::string> password;
  uint32_t cancelled = 0;
  std::function<void()> while_waiting = [] {};
  Result<Login> login(const std::map<std::string, std::string>& startup) override {
    if (startup.contains("database") && startup.at("database") == "nowhere") return error(Code::UndefinedDatabase, "no such database");
    auto session = std::make_unique<FakeSession>();
    session->while_waiting = while_waiting;
    return Login{std::move(session), {{"server_version", "15.0"}}};
  }
  Result<std::optional<std::string>> verifier(const std::string&) override { return password; }
  void random_bytes(std::span<char> out) override { std::ranges::fill(out, 'r'); }
  std::pair<uint32_t, uint32_t> register_session(SqlSession&) override { return {7, 9}; }
  void unregister_session(uint32_t) override {}
  void cancel(uint32_t process, uint32_t) override { cancelled = process; }
};

/// The client's bytes are fixed beforehand, or made from what the server wrote so far.
struct FakeStream : ByteStream {
  std::string in;
  std::string out;
  std::function<std::string(const std::string&)> more;
  Result<size_t> read_some(std::span<char> to) override {
    if (in.empty() && more) in = more(out);
    const size_t n = std::min({in.size(), to.size(), size_t{7}});  // in small pieces
    std::copy_n(in.begin(), n, to.begin());
    in.erase(0, n);
    return n;
  }
  Status write_all(std::string_view bytes) override {
    out += bytes;
    return ok();
  }
};

std::string be(uint32_t v, int size = 4) {
  std::string s;
  for (int i = size - 1; i >= 0; --i) s.push_back(static_cast<char>(v >> (8 * i)));
  return s;
}
std::string z(std::string_view text) { return std::string(text) + '\0'; }
std::string message(char type, const std::string& body) { return type + be(static_cast<uint32_t>(body.size() + 4)) + body; }
std::string startup(const std::string& more = "") {
  const std::string body = be(196608) + z("user") + z("root") + more + '\0';
  return be(static_cast<uint32_t>(body.size() + 4)) + body;
}
std::string query(std::string_view sql) { return message('Q', z(sql)); }

// The types of the server's messages in order, with tags, SQLSTATEs and row values.
std::string describe(std::string_view out) {
  std::string text;
  while (out.size() >= 5) {
    const char type = out[0];
    uint32_t size = 0;
    for (size_t i = 1; i < 5; ++i) size = size << 8 | static_cast<unsigned char>(out[i]);
    const std::string_view body = out.substr(5, size - 4);
    text += (text.empty() ? "" : " ") + std::string(1, type);
    if (type == 'C') text += fmt::format("({})", std::string_view(body.data()));
    if (type == 'E') text += fmt::format("({})", body.substr(body.find(z("C").substr(0, 1), 14) + 1, 5));
    if (type == 'D') {
      size_t at = 2;
      text += '(';
      for (int n = static_cast<unsigned char>(body[1]); n > 0; --n) {
        uint32_t length = 0;
        for (size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(body[at + i]);
        at += 4;
        text += length == UINT32_MAX ? "." : std::string(body.substr(at, length));
        if (length != UINT32_MAX) at += length;
        if (n > 1) text += ',';
      }
      text += ')';
    }
    out.remove_prefix(size + 1);
  }
  return text;
}

std::string talk(const std::string& bytes, FakeHost host = {}) {
  FakeStream stream;
  stream.in = bytes;
  (void)Connection(stream, host).run();
  return describe(stream.out);
}

constexpr std::string_view kLoggedIn = "R S K Z ";

std::string after_login(const std::string& bytes) {
  const std::string out = talk(startup() + bytes);
  EXPECT_TRUE(out.starts_with("R S K Z")) << out;
  return out.size() <= kLoggedIn.size() ? "" : out.substr(kLoggedIn.size());
}

TEST(PgConnection, a_notice_of_a_statement_that_waits_reaches_the_client_before_the_statement_ends) {
  FakeStream stream;
  FakeHost host;
  std::string seen;
  host.while_waiting = [&] { seen = describe(stream.out); };
  stream.in = startup() + query("none;wait");
  (void)Connection(stream, host).run();
  EXPECT_EQ(seen, "R S K Z C(NONE) N");
  EXPECT_EQ(describe(stream.out), "R S K Z C(NONE) N C(WAIT) Z");
}

TEST(PgConnection, answers_simple_queries_statement_by_statement) {
  EXPECT_EQ(after_login(query("rows 2;none")), "T D(0,x) D(1,.) C(SELECT 2) C(NONE) Z");
  EXPECT_EQ(after_login(query("")), "I Z");
}

TEST(PgConnection, stops_a_query_at_the_first_error_and_goes_on_with_the_next) {
  EXPECT_EQ(after_login(query("none;fail;none") + query("none")), "C(NONE) E(22012) Z C(NONE) Z");
  EXPECT_EQ(after_login(query("syntax")), "E(42601) Z");
}

std::string parse_message(std::string_view name, std::string_view sql) { return message('P', z(name) + z(sql) + be(0, 2)); }
std::string bind_message(std::string_view portal, std::string_view statement, const std::string& parameters = be(0, 2) + be(0, 2)) {
  return message('B', z(portal) + z(statement) + parameters + be(0, 2));
}
std::string execute_message(std::string_view portal, uint32_t rows) { return message('E', z(portal) + be(rows)); }
const std::string kSync = message('S', "");

TEST(PgConnection, runs_the_extended_protocol) {
  EXPECT_EQ(after_login(parse_message("s", "rows 3") + message('D', "S" + z("s")) + bind_message("", "s") + execute_message("", 0) + kSync),
            "1 t T 2 D(0,x) D(1,.) D(2,x) C(SELECT 3) Z");
}

TEST(PgConnection, hands_a_portal_out_a_limited_number_of_rows_at_a_time) {
  EXPECT_EQ(after_login(parse_message("", "rows 3") + bind_message("p", "") + execute_message("p", 2) + execute_message("p", 2) + kSync),
            "1 2 D(0,x) D(1,.) s D(2,x) C(SELECT 3) Z");
}

TEST(PgConnection, takes_parameters_as_text_and_in_binary_form) {
  const std::string text = be(0, 2) + be(1, 2) + be(2) + "42";
  const std::string binary = be(1, 2) + be(1, 2) + be(1, 2) + be(8) + be(0) + be(43);
  const std::string null = be(0, 2) + be(1, 2) + be(UINT32_MAX);
  EXPECT_EQ(after_login(parse_message("", "echo") + bind_message("", "", text) + execute_message("", 0) + bind_message("", "", binary) +
                        execute_message("", 0) + bind_message("", "", null) + execute_message("", 0) + kSync),
            "1 2 D(42) C(SELECT 1) 2 D(43) C(SELECT 1) 2 D(NULL) C(SELECT 1) Z");
  EXPECT_EQ(after_login(parse_message("", "echo") + bind_message("", "") + kSync), "1 E(08P01) Z");
}

TEST(PgConnection, passes_over_everything_after_an_error_until_sync) {
  EXPECT_EQ(after_login(bind_message("", "missing") + execute_message("", 0) + parse_message("", "none") + kSync + query("none")),
            "E(42704) Z C(NONE) Z");
}

TEST(PgConnection, says_no_to_tls_and_goes_on) {
  FakeStream stream;
  FakeHost host;
  stream.in = be(8) + be(80877103) + startup();
  (void)Connection(stream, host).run();
  EXPECT_EQ(stream.out[0], 'N');
  EXPECT_EQ(describe(stream.out.substr(1)), "R S K Z");
}

TEST(PgConnection, refuses_a_login_with_its_sqlstate) {
  EXPECT_EQ(talk(startup(z("database") + z("nowhere"))), "E(3D000)");
  EXPECT_EQ(talk(be(8) + be(131072)), "E(08P01)");
}

TEST(PgConnection, cancels_by_key) {
  FakeStream stream;
  FakeHost host;
  stream.in = be(16) + be(80877102) + be(7) + be(9);
  (void)Connection(stream, host).run();
  EXPECT_EQ(host.cancelled, 7U);
  EXPECT_EQ(stream.out, "");
}

TEST(PgConnection, takes_the_rows_of_a_copy_until_the_client_is_done) {
  EXPECT_EQ(after_login(query("copy;none") + message('d', "abc") + message('d', "de") + message('c', "") + query("none")),
            "G C(COPY 5) C(NONE) Z C(NONE) Z");
  EXPECT_EQ(after_login(parse_message("", "copy") + bind_message("", "") + message('D', "P" + z("")) + execute_message("", 0) + kSync +
                        message('d', "abc") + message('c', "") + kSync),
            "1 2 n G C(COPY 3) Z");
}

TEST(PgConnection, a_copy_that_fails_drops_what_the_client_has_still_sent) {
  EXPECT_EQ(after_login(query("copy") + message('d', "x") + message('d', "abc") + message('c', "") + query("none")),
            "G E(22P02) Z C(NONE) Z");
  EXPECT_EQ(after_login(query("copy") + message('d', "a") + message('f', z("gave up")) + query("none")), "G E(57014) Z C(NONE) Z");
  EXPECT_EQ(after_login(query("copy") + query("none")), "G E(08P01) Z");
}

TEST(PgConnection, says_no_to_function_calls_and_goes_on) {
  EXPECT_EQ(after_login(message('F', "abc") + query("none")), "E(0A000) Z C(NONE) Z");
}

TEST(PgConnection, ends_with_an_error_when_a_message_makes_no_sense) {
  EXPECT_EQ(after_login("Q" + be(0x7fffffff)), "E(08P01)");
  EXPECT_EQ(after_login(message('!', "")), "E(08P01)");
  EXPECT_EQ(after_login(message('B', z("") + z("") + be(0xffff, 2))), "E(08P01)");
}

TEST(PgConnection, survives_any_bytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = round % 2 == 0 ? "" : startup() + query("rows 1") + parse_message("s", "echo") + bind_message("", "s") + kSync;
    if (bytes.empty()) {
      for (size_t n = random() % 100; n > 0; --n) bytes.push_back(static_cast<char>(random()));
    } else {
      for (int n = 0; n < 3; ++n) bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    FakeStream stream;
    FakeHost host;
    stream.in = bytes;
    (void)Connection(stream, host).run();
  }
}

// RFC 7677's example user "user" with password "pencil": its stored form.
constexpr std::string_view kSalt = "[m\x99h\x9d\x12\x35\x8e\xec\xa0K\x14\x12\x36\xfa\x81";

TEST(Scram, verifier_is_the_one_of_the_rfc) {
  EXPECT_EQ(make_verifier("pencil", std::span(kSalt.data(), 16), 4096),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
            "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
}

TEST(Scram, refuses_a_wrong_proof_and_malformed_messages) {
  FakeHost host;
  host.password = make_verifier("pencil", std::span(kSalt.data(), 16));
  const auto sasl = [](const std::string& initial) {
    return message('p', z("SCRAM-SHA-256") + be(static_cast<uint32_t>(initial.size())) + initial);
  };
  EXPECT_EQ(talk(startup() + sasl("n,,n=,r=abc") + message('p', "c=biws,r=abccnJycnJycnJycnJycnJycnJycg==,p=AAAA"), host), "R R E(28P01)");
  EXPECT_EQ(talk(startup() + sasl("nonsense"), host), "R E(08P01)");
  EXPECT_EQ(talk(startup() + query("none"), host), "R E(08P01)");
}

}  // namespace
}  // namespace penstock::frontend::pgwire
