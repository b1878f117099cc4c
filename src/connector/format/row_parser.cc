#include "connector/format/row_parser.h"

#include <charconv>

#include "connector/format/csv_parser.h"
#include "connector/format/json_parser.h"
#include "connector/source/properties.h"

namespace penstock::connector {
namespace {

constexpr std::string_view kEncodePrefix = "encode.";

std::map<std::string, std::string> encode_options(const SourceSpec& spec) {
  std::map<std::string, std::string> options;
  for (const auto& [key, value] : spec.properties) {
    if (key.starts_with(kEncodePrefix)) options[key.substr(kEncodePrefix.size())] = value;
  }
  return options;
}

Result<std::unique_ptr<RowParser>> make_csv(const SourceSpec& spec, std::vector<uint32_t> output) {
  const auto values = encode_options(spec);
  Properties options(values);
  const std::string delimiter = options.text("delimiter", ",");
  PENSTOCK_TRY(const bool without_header, options.boolean("without_header", false));
  PENSTOCK_TRY(options.finish());
  const char c = delimiter == "\\t" || delimiter == "\t" ? '\t' : delimiter.size() == 1 ? delimiter[0] : '"';
  if (c == '"' || c == '\n' || c == '\r') {
    return error(Code::InvalidParameter, "option delimiter = '{}': must be one character, not a quote or line end", delimiter);
  }
  return std::make_unique<CsvParser>(CsvParser::Options{c, !without_header}, spec.columns, std::move(output));
}

Result<std::unique_ptr<RowParser>> make_json(const SourceSpec& spec, const std::vector<uint32_t>& output) {
  const auto values = encode_options(spec);
  PENSTOCK_TRY(Properties(values).finish());
  return std::make_unique<JsonParser>(spec.columns, output);
}

bool parse_int(std::string_view text, int64_t& out) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failed == std::errc() && end == text.data() + text.size();
}

// "YYYY-MM-DD HH:MM:SS" with digits in place; everything else takes the general way.
bool parse_plain_timestamp(std::string_view t, int64_t& micros) {
  if (t.size() != 19 || t[4] != '-' || t[7] != '-' || (t[10] != ' ' && t[10] != 'T') || t[13] != ':' || t[16] != ':') return false;
  int v[6];
  constexpr int kAt[6] = {0, 5, 8, 11, 14, 17};
  constexpr int kDigits[6] = {4, 2, 2, 2, 2, 2};
  for (int i = 0; i < 6; ++i) {
    v[i] = 0;
    for (int d = 0; d < kDigits[i]; ++d) {
      const int digit = t[static_cast<size_t>(kAt[i]) + static_cast<size_t>(d)] - '0';
      if (digit < 0 || digit > 9) return false;
      v[i] = v[i] * 10 + digit;
    }
  }
  if (v[0] < 1 || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 28 || v[3] > 23 || v[4] > 59 || v[5] > 59)
    return false;  // 29.. : general way
  // Days from civil, after Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
  const int y = v[0] - (v[1] <= 2 ? 1 : 0);
  const int era = y / 400;
  const int yoe = y - era * 400;
  const int doy = (153 * (v[1] + (v[1] > 2 ? -3 : 9)) + 2) / 5 + v[2] - 1;
  const int doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  const int64_t days = static_cast<int64_t>(era) * 146097 + doe - 719468;
  micros = ((days * 24 + v[3]) * 60 + v[4]) * 60'000'000LL + v[5] * 1'000'000LL;
  return true;
}

struct Converter {
  FieldBatch& batch;
  size_t column;
  const data::Field& field;

  void bad(size_t row, const Error& e) const { batch.bad.push_back({row, fmt::format("column {}: {}", field.name, e.message())}); }

  // Quick for the plain forms of the commonest types; the rest as Postgres' input functions.
  template <typename T>
  bool quick(std::string_view text, T& out) const {
    if constexpr (std::is_same_v<T, int64_t>) {
      if (field.type.kind == data::TypeKind::Timestamp) return parse_plain_timestamp(text, out);
      return parse_int(text, out);
    } else {
      return false;
    }
  }

  template <typename T>
  data::Column values() const {
    data::ColumnBuilder<T> builder(field.type, batch.rows());
    for (size_t row = 0; row < batch.rows(); ++row) {
      const std::string_view text = batch.fields[row * batch.width + column];
      T value{};
      if (text.data() == nullptr) {
        builder.append_null();
      } else if (quick(text, value)) {
        builder.append(value);
      } else if (auto datum = data::from_text(text, field.type); datum.has_value()) {
        builder.append(std::get<T>(datum.value()));
      } else {
        bad(row, datum.error());
        builder.append_null();
      }
    }
    return builder.finish();
  }

  data::Column texts(const std::vector<data::BufferPtr>& owners) const {
    data::ColumnBuilder<data::Text> builder(field.type, batch.rows());
    for (const data::BufferPtr& owner : owners) builder.add_owner(owner);
    for (const data::BufferPtr& owner : batch.owned) builder.add_owner(owner);
    for (size_t row = 0; row < batch.rows(); ++row) {
      const std::string_view text = batch.fields[row * batch.width + column];
      if (text.data() == nullptr) {
        builder.append_null();
      } else {
        builder.append_view(data::Text(text));
      }
    }
    return builder.finish();
  }
};

}  // namespace

void FieldBatch::clear() {
  fields.clear();
  ends.clear();
  owned.clear();
  bad.clear();
}

void FieldBatch::mark_bad(std::string what) {
  const size_t row = rows() - 1;
  std::fill(fields.begin() + static_cast<ptrdiff_t>(row * width), fields.end(), std::string_view());
  bad.push_back({row, std::move(what)});
}

Result<size_t> RowParser::read_header(std::string_view) { return size_t{0}; }

Result<std::unique_ptr<RowParser>> make_row_parser(const SourceSpec& spec, std::vector<uint32_t> output) {
  if (spec.format != "PLAIN") return error(Code::NotSupported, "FORMAT {} is not supported; FORMAT PLAIN is", spec.format);
  if (spec.encode == "CSV") return make_csv(spec, std::move(output));
  if (spec.encode == "JSON") return make_json(spec, output);
  return error(Code::NotSupported, "ENCODE {} is not supported; CSV and JSON are", spec.encode);
}

std::vector<data::Column> convert_fields(FieldBatch& batch, std::span<const data::Field> columns,
                                         const std::vector<data::BufferPtr>& owners) {
  std::vector<data::Column> out;
  out.reserve(columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    const Converter converter{batch, i, columns[i]};
    out.push_back(data::with_physical(columns[i].type.kind, [&]<typename T>(std::type_identity<T>) {
      if constexpr (std::is_same_v<T, data::Text>) {
        return converter.texts(owners);
      } else {
        return converter.template values<T>();
      }
    }));
  }
  return out;
}

}  // namespace penstock::connector
