#include <array>

#include "data/chunk.h"
#include "data/scan.h"
#include "data/text_io.h"

// Text tables of chunks, for tests and logs; the form is described at `chunk_from_table`.
namespace penstock::data {
namespace {

struct TypeToken {
  std::string_view token;
  TypeKind kind;
};
constexpr std::array kTypeTokens = {
    TypeToken{"B", TypeKind::Boolean},    TypeToken{"I16", TypeKind::Int16},   TypeToken{"I32", TypeKind::Int32},
    TypeToken{"I64", TypeKind::Int64},    TypeToken{"F32", TypeKind::Float32}, TypeToken{"F64", TypeKind::Float64},
    TypeToken{"N", TypeKind::Numeric},    TypeToken{"T", TypeKind::Varchar},   TypeToken{"D", TypeKind::Date},
    TypeToken{"TS", TypeKind::Timestamp}, TypeToken{"IV", TypeKind::Interval},
};

struct Token {
  std::string text;
  bool quoted = false;
};

// A quoted token; the opening quote is already read.
std::string read_quoted(std::string_view line, size_t& at) {
  std::string out;
  for (; at < line.size() && line[at] != '"'; ++at) {
    if (line[at] == '\\' && at + 1 < line.size()) {
      ++at;
      out += line[at] == 'n' ? '\n' : line[at];
    } else {
      out += line[at];
    }
  }
  PENSTOCK_CHECK(at < line.size(), "no closing quote in table line: {}", line);
  ++at;
  return out;
}

std::vector<Token> split_tokens(std::string_view line) {
  std::vector<Token> tokens;
  size_t at = 0;
  while (true) {
    while (at < line.size() && is_space(line[at])) ++at;
    if (at == line.size()) return tokens;
    if (line[at] == '"') {
      tokens.push_back({read_quoted(line, ++at), true});
      continue;
    }
    const size_t begin = at;
    while (at < line.size() && !is_space(line[at])) ++at;
    tokens.push_back({std::string(line.substr(begin, at - begin)), false});
  }
}

DataType type_of_token(std::string_view token) {
  for (const TypeToken& known : kTypeTokens) {
    if (known.token == token) return known.kind;
  }
  PENSTOCK_CHECK(token == "()", "no type has the token {}", token);
  return {};
}

std::string_view token_of_type(TypeKind kind) {
  for (const TypeToken& known : kTypeTokens) {
    if (known.kind == kind) return known.token;
  }
  return "?";
}

Op op_of_token(std::string_view token) {
  if (token == "+") return Op::Insert;
  if (token == "-") return Op::Delete;
  if (token == "U-") return Op::UpdateDelete;
  PENSTOCK_CHECK(token == "U+", "no op is written {}", token);
  return Op::UpdateInsert;
}

std::string_view token_of_op(Op op) {
  switch (op) {
    case Op::Insert:
      return "+ ";
    case Op::Delete:
      return "- ";
    case Op::UpdateDelete:
      return "U-";
    case Op::UpdateInsert:
      return "U+";
  }
  return "??";
}

// A chunk while its table is read.
struct TableReader {
  std::vector<DataType> types;
  std::vector<AnyColumnBuilder> columns;
  std::vector<Op> ops;
  Bitmap visibility;

  void read_header(const std::vector<Token>& tokens) {
    for (const Token& token : tokens) {
      if (token.text != "()") types.push_back(type_of_token(token.text));
    }
    for (const DataType type : types) columns.emplace_back(type, 16);
  }
  void read_row(const std::vector<Token>& tokens, std::string_view line) {
    const size_t extra = tokens.size() - 1 - types.size();
    PENSTOCK_CHECK(tokens.size() > types.size() && extra <= 1, "a row of {} columns expected: {}", types.size(), line);
    PENSTOCK_CHECK(extra == 0 || tokens.back().text == "D", "only D may follow the values: {}", line);
    ops.push_back(op_of_token(tokens[0].text));
    visibility.push_back(extra == 0);
    for (size_t c = 0; c < types.size(); ++c) {
      const Token& token = tokens[c + 1];
      if (token.text == "." && !token.quoted) {
        columns[c].append_null();
        continue;
      }
      const Status status = append_parsed(columns[c], token.text);
      PENSTOCK_CHECK(status.has_value(), "{} in table line: {}", status.error().message(), line);
    }
  }
  [[nodiscard]] StreamChunk finish() {
    std::vector<Column> done;
    done.reserve(columns.size());
    for (AnyColumnBuilder& column : columns) done.push_back(column.finish());
    const bool insert_only = std::all_of(ops.begin(), ops.end(), [](Op op) { return op == Op::Insert; });
    const bool all_visible = visibility.all();
    DataChunk data(std::move(done), ops.size());
    return {std::move(data), insert_only ? nullptr : std::make_shared<const std::vector<Op>>(std::move(ops)),
            all_visible ? nullptr : std::make_shared<const Bitmap>(std::move(visibility))};
  }
};

void append_cell(std::string& out, const Column& column, size_t row) {
  if (column.is_null(row)) {
    out += '.';
    return;
  }
  std::string text;
  append_text(text, column, row);
  if (!text.empty() && text != "." && text.find_first_of(" \t\r\n\v\f\"") == std::string::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '\n') out += '\\';
    out += c == '\n' ? 'n' : c;
  }
  out += '"';
}

}  // namespace

StreamChunk chunk_from_table(std::string_view table) {
  TableReader reader;
  bool header = true;
  while (!table.empty()) {
    const size_t end = std::min(table.find('\n'), table.size());
    const std::string_view line = table.substr(0, end);
    table.remove_prefix(std::min(end + 1, table.size()));
    const std::vector<Token> tokens = split_tokens(line);
    if (tokens.empty()) continue;
    header ? reader.read_header(tokens) : reader.read_row(tokens, line);
    header = false;
  }
  PENSTOCK_CHECK(!header, "a table without a line of types");
  return reader.finish();
}

std::string to_table(const StreamChunk& chunk) {
  std::string out;
  for (const Column& column : chunk.data().columns()) {
    if (!out.empty()) out += ' ';
    out += token_of_type(column.type().kind);
  }
  out += chunk.width() == 0 ? "()\n" : "\n";
  for (size_t row = 0; row < chunk.rows(); ++row) {
    out += token_of_op(chunk.op(row));
    for (const Column& column : chunk.data().columns()) {
      out += ' ';
      append_cell(out, column, row);
    }
    out += chunk.is_visible(row) ? "\n" : " D\n";
  }
  return out;
}

}  // namespace penstock::data
