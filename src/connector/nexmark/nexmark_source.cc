#include "connector/nexmark/nexmark_source.h"

#include "connector/source/generated_split.h"
#include "connector/source/properties.h"

namespace penstock::connector {

Result<NexmarkOptions> parse_nexmark(const SourceSpec& spec) {
  Properties properties(spec.properties);
  NexmarkOptions options;
  PENSTOCK_TRY(properties.required("connector"));
  PENSTOCK_TRY(const std::string table, properties.choice("nexmark.table.type", "", {"person", "auction", "bid"}));
  if (table.empty()) return error(Code::InvalidParameter, "option nexmark.table.type is missing; it is Person, Auction or Bid");
  options.kind = table == "person" ? NexmarkKind::Person : table == "auction" ? NexmarkKind::Auction : NexmarkKind::Bid;
  PENSTOCK_TRY(options.splits, properties.number("nexmark.split.num", 1));
  if (options.splits < 1 || options.splits > 256) return error(Code::InvalidParameter, "option nexmark.split.num must be from 1 to 256");
  PENSTOCK_TRY(const int64_t events, properties.integer("nexmark.event.num", -1));
  if (events >= 0) options.events = static_cast<uint64_t>(events);
  PENSTOCK_TRY(options.gap_nanos, properties.number("nexmark.min.event.gap.in.ns", 0));
  PENSTOCK_TRY(options.generator.rate, properties.number("nexmark.event.rate", 100'000));
  if (options.generator.rate < 1 || options.generator.rate > 1'000'000'000) {
    return error(Code::InvalidParameter, "option nexmark.event.rate must be from 1 to 1000000000");
  }
  PENSTOCK_TRY(options.generator.seed, properties.number("nexmark.seed", 0));
  PENSTOCK_TRY(properties.number("source_rate_limit", 0));
  PENSTOCK_TRY(properties.finish());

  const data::Schema made = NexmarkGenerator::schema(options.kind);
  for (const data::Field& column : spec.columns.fields) {
    const auto found = std::ranges::find(made.fields, column.name, &data::Field::name);
    if (found == made.fields.end()) return error(Code::UndefinedColumn, "nexmark's {} has no column \"{}\"", table, column.name);
    if (found->type != column.type) {
      return error(Code::DatatypeMismatch, "nexmark's column \"{}\" is {}, not {}", column.name, found->type.to_string(),
                   column.type.to_string());
    }
  }
  return options;
}

NexmarkReader::NexmarkReader(NexmarkOptions options, SplitPosition position, uint64_t split, uint64_t next, std::vector<uint32_t> output)
    : options_(options),
      generator_(options.generator),
      position_(std::move(position)),
      next_(std::max(next, split)),
      output_(std::move(output)) {}

Result<SplitReader::State> NexmarkReader::next(size_t max_rows, data::DataChunk& out) {
  numbers_.clear();
  for (; numbers_.size() < max_rows && (!options_.events || next_ < *options_.events); next_ += options_.splits) {
    if (NexmarkGenerator::kind(next_) == options_.kind) numbers_.push_back(next_);
  }
  if (numbers_.empty()) {
    position_.finished = true;
    return State::Finished;
  }
  position_.rows += numbers_.size();
  out = generator_.rows(options_.kind, numbers_, output_);
  return State::Rows;
}

SplitPosition NexmarkReader::position() const {
  SplitPosition now = position_;
  now.offset = fmt::format("{}", next_);
  return now;
}

Result<std::unique_ptr<SplitReader>> open_nexmark(const SourceSpec& spec, const SplitPosition& position, std::vector<uint32_t> output) {
  PENSTOCK_TRY(const NexmarkOptions options, parse_nexmark(spec));
  PENSTOCK_TRY(const uint64_t split, parse_offset(position.id, 0));
  PENSTOCK_TRY(const uint64_t next, parse_offset(position.offset, split));
  const data::Schema made = NexmarkGenerator::schema(options.kind);
  for (uint32_t& index : output) {  // the source may name the columns in another order
    const auto found = std::ranges::find(made.fields, spec.columns[index].name, &data::Field::name);
    index = static_cast<uint32_t>(found - made.fields.begin());
  }
  return std::make_unique<NexmarkReader>(options, position, split, next, std::move(output));
}

}  // namespace penstock::connector
