// A client of the SQL port: single messages, and a whole connection from its first byte.
#include "frontend/pgwire/connection.h"
#include "fuzz/fuzz.h"

namespace penstock::frontend::pgwire {
namespace {

struct Statement : ParsedStatement {};
struct Bound : PreparedStatement {
  std::vector<data::DataType> types{data::TypeKind::Int64, data::TypeKind::Varchar, data::TypeKind::Timestamp};
  std::vector<ResultColumn> result{{"n", data::TypeKind::Int64}, {"t", data::TypeKind::Varchar}};
  const std::vector<data::DataType>& parameters() const override { return types; }
  const std::vector<ResultColumn>& columns() const override { return result; }
};

// Every text is a statement of two rows.
struct Session : SqlSession {
  Result<std::vector<std::unique_ptr<ParsedStatement>>> parse(std::string_view) override {
    std::vector<std::unique_ptr<ParsedStatement>> out;
    out.push_back(std::make_unique<Statement>());
    return out;
  }
  Result<std::unique_ptr<PreparedStatement>> prepare(const ParsedStatement&, std::vector<std::optional<data::DataType>>) override {
    return std::make_unique<Bound>();
  }
  Result<std::string> execute(const PreparedStatement&, const std::vector<std::optional<std::string>>&, ResultSink& sink) override {
    PENSTOCK_TRY(sink.rows(data::DataChunk({data::Column::constant(data::TypeKind::Int64, int64_t{5}, 2),
                                            data::Column::constant(data::TypeKind::Varchar, data::Datum("x"), 2)},
                                           2)));
    return std::string("SELECT 2");
  }
  TransactionStatus transaction_status() const override { return TransactionStatus::Idle; }
  void on_error() override {}
  void cancel() override {}
};

struct Host : ConnectionHost {
  Result<Login> login(const std::map<std::string, std::string>&) override { return Login{std::make_unique<Session>(), {}}; }
  Result<std::optional<std::string>> verifier(const std::string&) override { return std::optional<std::string>(); }
  void random_bytes(std::span<char> out) override { std::ranges::fill(out, 'r'); }
  std::pair<uint32_t, uint32_t> register_session(SqlSession&) override { return {1, 2}; }
  void unregister_session(uint32_t) override {}
  void cancel(uint32_t, uint32_t) override {}
};

struct Client : ByteStream {
  explicit Client(std::string_view bytes) : bytes(bytes) {}
  Result<size_t> read_some(std::span<char> out) override {
    const size_t size = std::min({bytes.size(), out.size(), size_t{11}});
    std::copy_n(bytes.begin(), size, out.begin());
    bytes.remove_prefix(size);
    return size;
  }
  Status write_all(std::string_view) override { return ok(); }
  std::string_view bytes;
};

std::string be(size_t value, int size = 4) {
  std::string out;
  for (int i = size - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

std::string start_up() {
  using namespace std::string_literals;
  const std::string body = be(196608) + "user\0root\0database\0dev\0\0"s;
  return be(body.size() + 4) + body;
}

std::string message(char type, const std::string& body) { return type + be(body.size() + 4) + body; }

void read_client(std::string_view bytes) {
  (void)decode_first(bytes);
  if (!bytes.empty()) (void)decode_message(bytes.front(), bytes.substr(1));
  for (const bool greeted : {false, true}) {
    const std::string all = (greeted ? start_up() : std::string()) + std::string(bytes);
    Client client(all);
    Host host;
    (void)Connection(client, host).run();
  }
}

std::vector<std::string> client_seeds() {
  using namespace std::string_literals;
  const std::string bind = "\0\0"s + be(1, 2) + be(1, 2) + be(3, 2) + be(8) + be(1, 8) + be(1) + "y" + be(0xffffffff) + be(1, 2) + be(1, 2);
  return {start_up(),
          be(8) + be(80877103),
          be(16) + be(80877102) + be(1) + be(2),
          message('Q', "SELECT 1\0"s),
          message('P', "s\0SELECT $1\0"s + be(1, 2) + be(20)),
          message('P', "\0x\0"s + be(0, 2)) + message('B', bind) + message('D', "P\0"s) + message('E', "\0"s + be(1)) +
              message('E', "\0"s + be(0)) + message('S', ""),
          message('C', "S\0"s) + message('H', "") + message('X', "")};
}

const fuzz::Register kClient({"pgwire", read_client, client_seeds});

}  // namespace
}  // namespace penstock::frontend::pgwire
