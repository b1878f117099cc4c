#include "ctl/table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace penstock::ctl {
namespace {

using Json = nlohmann::ordered_json;

std::string one_line(const std::string& text, size_t widest) {
  std::string out;
  for (const char c : text) {
    const bool space = c == '\n' || c == '\t' || c == '\r' || c == ' ';
    if (!space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (widest == 0 || out.size() <= widest) return out;
  size_t end = widest - 1;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) --end;  // not within a character
  return out.substr(0, end) + "…";
}

Json value_of(const Cell& cell, char kind) {
  if (cell.null) return nullptr;
  if (kind == 'b') return cell.text == "t" || cell.text == "true";
  if (kind == 'n') {
    const Json number = Json::parse(cell.text, nullptr, false);
    if (number.is_number()) return number;
  }
  return cell.text;
}

Json array_of(const Table& table) {
  Json rows = Json::array();
  for (const auto& row : table.rows) {
    Json object = Json::object();
    for (size_t i = 0; i < table.columns.size(); ++i)
      object[table.columns[i]] = value_of(row[i], i < table.kinds.size() ? table.kinds[i] : 't');
    rows.push_back(std::move(object));
  }
  return rows;
}

}  // namespace

Table table_of(std::string title, const pb::SystemRowsResponse& response) {
  Table table{std::move(title), {response.columns().begin(), response.columns().end()}, response.kinds(), {}};
  for (const pb::SystemRow& values : response.rows()) {
    auto& row = table.rows.emplace_back();
    for (int i = 0; i < values.values_size(); ++i) row.push_back({i < values.nulls_size() && values.nulls(i), values.values(i)});
    row.resize(table.columns.size());
  }
  return table;
}

void keep_rows(Table& table, std::string_view column, std::string_view text) {
  const auto found = std::ranges::find(table.columns, column);
  if (text.empty() || found == table.columns.end()) return;
  const auto at = static_cast<size_t>(found - table.columns.begin());
  std::erase_if(table.rows, [&](const auto& row) { return row[at].text != text; });
}

void keep_last(Table& table, size_t rows) {
  if (table.rows.size() > rows) table.rows.erase(table.rows.begin(), table.rows.end() - static_cast<ptrdiff_t>(rows));
}

void drop_column(Table& table, std::string_view column) {
  const auto found = std::ranges::find(table.columns, column);
  if (found == table.columns.end()) return;
  const auto at = found - table.columns.begin();
  table.columns.erase(found);
  if (static_cast<size_t>(at) < table.kinds.size()) table.kinds.erase(static_cast<size_t>(at), 1);
  for (auto& row : table.rows) row.erase(row.begin() + at);
}

std::string as_text(const std::vector<Table>& tables, size_t widest) {
  std::string out;
  for (const Table& table : tables) {
    if (!out.empty()) out += '\n';
    if (tables.size() > 1) out += table.title + "\n";
    auto rows = table.rows;
    for (auto& row : rows) {
      for (Cell& cell : row) cell.text = one_line(cell.text, widest);
    }
    out += format_rows(table.columns, rows, RowFormat::Table);
  }
  return out;
}

std::string as_json_text(const std::vector<Table>& tables) {
  if (tables.size() == 1) return array_of(tables.front()).dump(2) + "\n";
  Json out = Json::object();
  for (const Table& table : tables) out[table.title] = array_of(table);
  return out.dump(2) + "\n";
}

}  // namespace penstock::ctl
