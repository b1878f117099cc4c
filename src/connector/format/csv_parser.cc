#include "connector/format/csv_parser.h"

#include <cstring>

namespace penstock::connector {
namespace {

// A quoted field with doubled quotes, unescaped into memory that the batch owns.
std::string_view unescape(std::string_view quoted, FieldBatch& out) {
  auto text = std::make_shared<std::string>();
  text->reserve(quoted.size());
  for (size_t i = 0; i < quoted.size(); ++i) {
    text->push_back(quoted[i]);
    if (quoted[i] == '"') ++i;  // its twin
  }
  const std::string_view view = *text;
  out.owned.emplace_back(std::move(text));
  return view;
}

struct RawField {
  std::string_view text;
  bool quoted = false;
  bool escaped = false;
};

std::string_view field_value(const RawField& field, FieldBatch& out) {
  if (!field.quoted) return field.text.empty() ? std::string_view() : field.text;
  if (field.escaped) return unescape(field.text, out);
  return field.text.empty() ? std::string_view("") : field.text;
}

}  // namespace

CsvParser::CsvParser(Options options, data::Schema columns, std::vector<uint32_t> output)
    : options_(options), columns_(std::move(columns)), output_(std::move(output)) {
  set_slots({output_.begin(), output_.end()}, columns_.size());
}

void CsvParser::set_slots(const std::vector<size_t>& file_column_of_output, size_t file_columns) {
  slots_.assign(file_columns, {});
  for (uint32_t i = 0; i < file_column_of_output.size(); ++i) slots_[file_column_of_output[i]].push_back(i);
}

// Cuts one row; calls on_field(column of the file, RawField). What follows a closing quote up to the delimiter belongs to no field and
// makes the row bad: it is told as a field of too high a number.
template <typename OnField>
CsvParser::RowEnd CsvParser::cut_row(const char* at, const char* end, bool final, OnField&& on_field) const {
  const char delimiter = options_.delimiter;
  for (size_t column = 0;; ++column) {
    RawField field;
    if (at < end && *at == '"') {
      const char* const begin = ++at;
      for (;;) {
        at = static_cast<const char*>(std::memchr(at, '"', static_cast<size_t>(end - at)));
        if (at == nullptr) return {};  // the closing quote is not here
        if (at + 1 < end && at[1] == '"') {
          field.escaped = true;
          at += 2;
          continue;
        }
        if (at + 1 == end && !final) return {};  // might be the first of two
        break;
      }
      field.text = {begin, static_cast<size_t>(at - begin)};
      field.quoted = true;
      ++at;
      if (at < end && *at == '\r' && at + 1 < end && at[1] == '\n') ++at;
      if (at < end && *at != delimiter && *at != '\n') {
        column = SIZE_MAX / 2;
        while (at < end && *at != delimiter && *at != '\n') ++at;
      }
    } else {
      const char* const begin = at;
      while (at < end && *at != delimiter && *at != '\n') ++at;
      if (at == end && !final) return {};
      const char* stop = at;
      if (stop > begin && stop[-1] == '\r' && (at == end || *at == '\n')) --stop;
      field.text = {begin, static_cast<size_t>(stop - begin)};
    }
    on_field(column, field);
    if (at == end) return final ? RowEnd{end, column + 1} : RowEnd{};
    if (*at++ == '\n') return {at, column + 1};
  }
}

void CsvParser::parse(std::string_view text, bool final, size_t max_rows, FieldBatch& out) const {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const char* at = begin;
  const size_t last = out.rows() + max_rows;
  while (at < end && out.rows() < last) {
    if (*at == '\n' || (*at == '\r' && at + 1 < end && at[1] == '\n')) {  // an empty line
      at += *at == '\n' ? 1 : 2;
      if (!out.ends.empty()) out.ends.back() = static_cast<size_t>(at - begin);
      continue;
    }
    const size_t first = out.fields.size();
    out.fields.resize(first + out.width);
    const RowEnd row = cut_row(at, end, final, [&](size_t column, const RawField& field) {
      if (column >= slots_.size()) return;
      for (const uint32_t slot : slots_[column]) out.fields[first + slot] = field_value(field, out);
    });
    if (row.next == nullptr && !final) {
      out.fields.resize(first);
      return;
    }
    const bool cut = row.next == nullptr;
    at = cut ? end : row.next;
    out.ends.push_back(static_cast<size_t>(at - begin));
    if (cut) {
      out.mark_bad("a quoted field never ends");
    } else if (row.fields > slots_.size() * 2 + 1000) {
      out.mark_bad("text after a closing quote");
    } else if (row.fields != slots_.size()) {
      out.mark_bad(fmt::format("{} fields where {} are expected", row.fields, slots_.size()));
    }
  }
}

Result<size_t> CsvParser::read_header(std::string_view text) {
  std::vector<std::string> names;
  FieldBatch scratch(0);
  const RowEnd row = cut_row(text.data(), text.data() + text.size(), true,
                             [&](size_t, const RawField& field) { names.emplace_back(field_value(field, scratch)); });
  std::vector<size_t> places;
  for (const uint32_t wanted : output_) {
    const auto found = std::ranges::find(names, columns_[wanted].name);
    if (found == names.end()) {
      return error(Code::UndefinedColumn, "column \"{}\" is not in the file's header ({})", columns_[wanted].name, fmt::join(names, ", "));
    }
    places.push_back(static_cast<size_t>(found - names.begin()));
  }
  set_slots(places, names.size());
  return row.next == nullptr ? text.size() : static_cast<size_t>(row.next - text.data());
}

}  // namespace penstock::connector
