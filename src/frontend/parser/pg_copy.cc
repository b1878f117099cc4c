// COPY … FROM STDIN.
#include "frontend/parser/pg_convert.h"

namespace penstock::frontend {
namespace {

bool is_true(const PgNode* arg) {
  if (arg == nullptr) return true;  // HEADER alone
  if (arg->node_case == PG_QUERY__NODE__NODE_BOOLEAN) return arg->boolean->boolval != 0;
  if (arg->node_case == PG_QUERY__NODE__NODE_INTEGER) return arg->integer->ival != 0;
  const std::string_view word = arg->node_case == PG_QUERY__NODE__NODE_STRING ? arg->string->sval : "";
  return word == "true" || word == "on" || word == "1";
}

std::optional<std::string> text_of(const PgNode* arg) {
  if (arg == nullptr || arg->node_case != PG_QUERY__NODE__NODE_STRING) return std::nullopt;
  return arg->string->sval;
}

}  // namespace

Result<ast::Copy> PgConverter::copy(const PgQuery__CopyStmt& node) {
  const int at = node.relation == nullptr ? -1 : node.relation->location;
  if (!node.is_from) return not_supported("COPY TO", at);
  if (node.is_program) return not_supported("COPY FROM PROGRAM", at);
  if (node.filename != nullptr && *node.filename != '\0') return not_supported("COPY from a file of the server", at);
  if (node.where_clause != nullptr) return not_supported("WHERE in COPY", at);
  ast::Copy result;
  PENSTOCK_TRY(result.table, object_name(*node.relation));
  for (const std::string& column : pg_strings({node.n_attlist, node.attlist})) result.columns.push_back({column, text_.position(at)});
  std::optional<std::string> delimiter, null, quote, escape;
  for (const PgNode* option : PgList{node.n_options, node.options}) {
    const PgQuery__DefElem& element = *option->def_elem;
    const std::string_view name = element.defname;
    const auto value = text_of(element.arg);
    if (name == "format" && (value == "csv" || value == "text")) {
      result.format.csv = value == "csv";
    } else if (name == "delimiter" && value) {
      delimiter = value;
    } else if (name == "null" && value) {
      null = value;
    } else if (name == "header" && value != "match") {
      result.format.header = is_true(element.arg);
    } else if (name == "quote" && value) {
      quote = value;
    } else if (name == "escape" && value) {
      escape = value;
    } else if (name == "encoding" && (value == "UTF8" || value == "utf8" || value == "UTF-8" || value == "utf-8")) {
    } else {
      return not_supported(fmt::format("COPY with {}{}{}", name, value ? " " : "", value.value_or("")), element.location);
    }
  }
  ast::CopyFormat& format = result.format;
  const auto one_byte = [&](const std::optional<std::string>& given, std::string_view name, char& out) -> Status {
    if (!given) return ok();
    if (given->size() != 1) return error(Code::NotSupported, "COPY {} must be a single one-byte character", name).at(text_.position(at));
    out = (*given)[0];
    return ok();
  };
  if (!format.csv && (quote || escape)) {
    return error(Code::Syntax, "COPY {} is available only in CSV mode", quote ? "quote" : "escape").at(text_.position(at));
  }
  if (format.csv) format.delimiter = ',';
  if (format.csv) format.null.clear();
  PENSTOCK_TRY(one_byte(delimiter, "delimiter", format.delimiter));
  PENSTOCK_TRY(one_byte(quote, "quote", format.quote));
  format.escape = format.quote;
  PENSTOCK_TRY(one_byte(escape, "escape", format.escape));
  if (null) format.null = *null;
  const std::string_view bad = format.csv ? std::string_view("\r\n") : std::string_view("\r\n\\.abcdefghijklmnopqrstuvwxyz0123456789");
  if (bad.find(format.delimiter) != std::string_view::npos || (format.csv && format.delimiter == format.quote)) {
    return error(Code::InvalidParameter, "COPY delimiter cannot be \"{}\"", format.delimiter).at(text_.position(at));
  }
  return result;
}

}  // namespace penstock::frontend
