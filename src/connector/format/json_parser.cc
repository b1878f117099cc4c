#include "connector/format/json_parser.h"

#include <simdjson.h>

#include <cstring>

namespace penstock::connector {

struct JsonParser::Impl {
  std::map<std::string, std::vector<uint32_t>, std::less<>> slots;
  simdjson::ondemand::parser parser;
  std::string padded;  // the line, with the spare bytes simdjson reads beyond it

  // "" when the line was taken in, else what is wrong with it.
  std::string parse_line(std::string_view line, size_t first, FieldBatch& out);
};

namespace {

std::string_view keep(std::string_view text, FieldBatch& out) {
  auto owned = std::make_shared<std::string>(text);
  const std::string_view view(owned->data(), owned->size());
  out.owned.emplace_back(std::move(owned));
  return view;
}

// The value as the text that the column's type reads; null data is NULL.
simdjson::simdjson_result<std::string_view> value_text(simdjson::ondemand::value value, FieldBatch& out) {
  simdjson::ondemand::json_type type;
  if (const auto failed = value.type().get(type)) return failed;
  switch (type) {
    case simdjson::ondemand::json_type::null: {
      bool null = false;
      if (const auto failed = value.is_null().get(null)) return failed;
      return null ? std::string_view() : std::string_view("null");
    }
    case simdjson::ondemand::json_type::string: {
      std::string_view text;
      if (const auto failed = value.get_string().get(text)) return failed;
      return keep(text, out);
    }
    default: {
      std::string_view text;
      if (const auto failed = simdjson::to_json_string(value).get(text)) return failed;
      while (!text.empty() && (text.back() == ' ' || text.back() == '\r' || text.back() == '\t')) text.remove_suffix(1);
      return keep(text, out);
    }
  }
}

}  // namespace

std::string JsonParser::Impl::parse_line(std::string_view line, size_t first, FieldBatch& out) {
  padded.assign(line);
  padded.resize(line.size() + simdjson::SIMDJSON_PADDING, ' ');
  simdjson::ondemand::document document;
  const auto failed = [](simdjson::error_code code) { return std::string("no sound JSON object: ") + simdjson::error_message(code); };
  if (const auto code = parser.iterate(padded.data(), line.size(), padded.size()).get(document)) return failed(code);
  simdjson::ondemand::object object;
  if (const auto code = document.get_object().get(object)) return failed(code);
  for (auto field : object) {
    std::string_view key;
    if (const auto code = field.unescaped_key().get(key)) return failed(code);
    const auto found = slots.find(key);
    simdjson::ondemand::value value;
    if (const auto code = field.value().get(value)) return failed(code);
    if (found == slots.end()) continue;
    std::string_view text;
    if (const auto code = value_text(value, out).get(text)) return failed(code);
    for (const uint32_t slot : found->second) out.fields[first + slot] = text;
  }
  const char* rest = nullptr;  // an error here means: nothing follows
  if (document.current_location().get(rest) == simdjson::SUCCESS) return "text after the JSON object";
  return "";
}

JsonParser::JsonParser(const data::Schema& columns, const std::vector<uint32_t>& output) : impl_(std::make_unique<Impl>()) {
  for (uint32_t i = 0; i < output.size(); ++i) impl_->slots[columns[output[i]].name].push_back(i);
}

JsonParser::~JsonParser() = default;

void JsonParser::parse(std::string_view text, bool final, size_t max_rows, FieldBatch& out) const {
  size_t at = 0;
  const size_t last = out.rows() + max_rows;
  while (at < text.size() && out.rows() < last) {
    size_t end = text.find('\n', at);
    if (end == std::string_view::npos) {
      if (!final) return;
      end = text.size();
    }
    const std::string_view line = text.substr(at, end - at);
    at = std::min(end + 1, text.size());
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
      if (!out.ends.empty()) out.ends.back() = at;
      continue;
    }
    const size_t first = out.fields.size();
    out.fields.resize(first + out.width);
    const std::string wrong = impl_->parse_line(line, first, out);
    out.ends.push_back(at);
    if (!wrong.empty()) out.mark_bad(wrong);
  }
}

}  // namespace penstock::connector
