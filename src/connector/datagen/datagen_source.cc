#include "connector/datagen/datagen_source.h"

#include "connector/source/generated_split.h"
#include "connector/source/properties.h"

namespace penstock::connector {
namespace {

constexpr int64_t kTimestampBase = 1'735'689'600'000'000;  // 2025-01-01 00:00: a fixed moment, so that a replay makes the same rows

uint64_t mixed(uint64_t x) {  // SplitMix64
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

bool can_count(data::TypeKind kind) {
  using enum data::TypeKind;
  return kind == Int16 || kind == Int32 || kind == Int64 || kind == Float32 || kind == Float64;
}

int64_t largest(data::TypeKind kind) {
  return kind == data::TypeKind::Int16 ? INT16_MAX : kind == data::TypeKind::Int32 ? INT32_MAX : INT64_MAX;
}

Result<DatagenField> parse_field(Properties& properties, const data::Field& column) {
  const std::string prefix = "fields." + column.name + ".";
  DatagenField field{.type = column.type};
  PENSTOCK_TRY(const std::string kind, properties.choice(prefix + "kind", "random", {"random", "sequence"}));
  field.kind = kind == "sequence" ? DatagenField::Kind::Sequence : DatagenField::Kind::Random;
  PENSTOCK_TRY(field.start, properties.integer(prefix + "start", 0));
  if (properties.has(prefix + "end")) {
    PENSTOCK_TRY(field.end, properties.integer(prefix + "end", 0));
  }
  PENSTOCK_TRY(field.min, properties.integer(prefix + "min", 0));
  PENSTOCK_TRY(field.max, properties.integer(prefix + "max", field.min + 10000));
  PENSTOCK_TRY(field.seed, properties.number(prefix + "seed", 0));
  PENSTOCK_TRY(field.length, properties.number(prefix + "length", 10));
  if (field.kind == DatagenField::Kind::Sequence && !can_count(column.type.kind)) {
    return error(Code::InvalidParameter, "option {}kind = 'sequence': column {} is {}, not a number", prefix, column.name,
                 column.type.to_string());
  }
  if (field.max < field.min) return error(Code::InvalidParameter, "option {}max is below {}min", prefix, prefix);
  if (field.end && *field.end < field.start) return error(Code::InvalidParameter, "option {}end is below {}start", prefix, prefix);
  if (can_count(column.type.kind) &&
      std::max(field.kind == DatagenField::Kind::Sequence ? field.end.value_or(0) : field.max, field.start) > largest(column.type.kind)) {
    return error(Code::NumericOutOfRange, "options {}*: the values do not fit {}", prefix, column.type.to_string());
  }
  if (field.length > 65536) return error(Code::InvalidParameter, "option {}length must be at most 65536", prefix);
  return field;
}

class DatagenReader : public SplitReader {
 public:
  DatagenReader(DatagenOptions options, SplitPosition position, uint64_t next, std::vector<uint32_t> output)
      : options_(std::move(options)), position_(std::move(position)), next_(next), output_(std::move(output)) {}

  Result<State> next(size_t max_rows, data::DataChunk& out) override {
    uint64_t count = 0;
    while (count < max_rows && (!options_.rows || next_ + count * options_.splits < *options_.rows)) ++count;
    if (count == 0) {
      position_.finished = true;
      return State::Finished;
    }
    std::vector<data::Column> columns;
    for (const uint32_t index : output_) columns.push_back(column(index, count));
    out = data::DataChunk(std::move(columns), count);
    next_ += count * options_.splits;
    position_.rows += count;
    return State::Rows;
  }
  Status read_blocking() override { return ok(); }
  SplitPosition position() const override {
    SplitPosition now = position_;
    now.offset = fmt::format("{}", next_);
    return now;
  }
  uint64_t skipped() const override { return 0; }
  const std::string& last_error() const override { return no_error_; }

 private:
  data::Column column(uint32_t index, uint64_t count) const {
    data::AnyColumnBuilder builder(options_.fields[index].type, count);
    for (uint64_t i = 0; i < count; ++i) builder.append(value(options_.fields[index], index, next_ + i * options_.splits));
    return builder.finish();
  }

  static data::Datum value(const DatagenField& field, uint32_t column, uint64_t row) {
    const uint64_t random = mixed(mixed(field.seed + column) ^ row);
    const uint64_t width = static_cast<uint64_t>(field.max) - static_cast<uint64_t>(field.min) + 1;
    const int64_t number = field.kind == DatagenField::Kind::Sequence
                               ? field.start + static_cast<int64_t>(row)
                               : field.min + static_cast<int64_t>(width == 0 ? random : random % width);
    switch (field.type.kind) {
      case data::TypeKind::Boolean:
        return (random & 1) != 0;
      case data::TypeKind::Int16:
        return static_cast<int16_t>(number);
      case data::TypeKind::Int32:
        return static_cast<int32_t>(number);
      case data::TypeKind::Int64:
        return number;
      case data::TypeKind::Float32:
        return static_cast<float>(number);
      case data::TypeKind::Float64:
        return static_cast<double>(number);
      case data::TypeKind::Numeric:
        return data::Numeric::of(number);
      case data::TypeKind::Date:
        return static_cast<int32_t>(kTimestampBase / 86'400'000'000 - number % 3650);
      case data::TypeKind::Timestamp:
        return kTimestampBase - number * 1000;
      case data::TypeKind::Interval:
        return data::Interval{0, 0, number * 1000};
      case data::TypeKind::Varchar: {
        std::string text(field.length, ' ');
        for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + mixed(random + i) % 26);
        return text;
      }
    }
    return {};
  }

  const DatagenOptions options_;
  SplitPosition position_;
  uint64_t next_;
  const std::vector<uint32_t> output_;
  const std::string no_error_;
};

}  // namespace

Result<DatagenOptions> parse_datagen(const SourceSpec& spec) {
  Properties properties(spec.properties);
  PENSTOCK_TRY(properties.required("connector"));
  DatagenOptions options;
  for (const data::Field& column : spec.columns.fields) {
    PENSTOCK_TRY(DatagenField field, parse_field(properties, column));
    if (field.kind == DatagenField::Kind::Sequence && field.end) {
      const auto rows = static_cast<uint64_t>(*field.end - field.start) + 1;
      options.rows = std::min(options.rows.value_or(rows), rows);
    }
    options.fields.push_back(field);
  }
  PENSTOCK_TRY(options.rows_per_second, properties.number("datagen.rows.per.second", 10));
  PENSTOCK_TRY(options.splits, properties.number("datagen.split.num", 1));
  if (options.splits < 1 || options.splits > 256) return error(Code::InvalidParameter, "option datagen.split.num must be from 1 to 256");
  PENSTOCK_TRY(properties.number("source_rate_limit", 0));
  PENSTOCK_TRY(properties.finish());
  return options;
}

Result<std::unique_ptr<SplitReader>> open_datagen(const SourceSpec& spec, const SplitPosition& position, std::vector<uint32_t> output) {
  PENSTOCK_TRY(DatagenOptions options, parse_datagen(spec));
  PENSTOCK_TRY(const uint64_t split, parse_offset(position.id, 0));
  PENSTOCK_TRY(const uint64_t next, parse_offset(position.offset, split));
  return std::make_unique<DatagenReader>(std::move(options), position, next, std::move(output));
}

}  // namespace penstock::connector
