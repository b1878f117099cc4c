#include "connector/source/split_reader.h"

#include "connector/datagen/datagen_source.h"
#include "connector/format/row_parser.h"
#include "connector/nexmark/nexmark_source.h"
#include "connector/posix_fs/file_split_reader.h"
#include "connector/source/generated_split.h"

namespace penstock::connector {
namespace {

// One entry a connector: everything the rest of the house asks of it.
struct Connector {
  std::string_view name;
  std::string_view may_change;  // while it is read; empty: nothing
  Status (*validate)(const SourceSpec&);
  Result<std::vector<SplitPosition>> (*list)(const SourceSpec&);
  Result<bool> (*finite)(const SourceSpec&);
  Result<uint64_t> (*own_rate)(const SourceSpec&);
  Result<std::unique_ptr<SplitReader>> (*open)(const SourceSpec&, const SplitPosition&, std::vector<uint32_t>);
};

std::vector<uint32_t> all_columns(const SourceSpec& spec) {
  std::vector<uint32_t> columns(spec.columns.size());
  for (uint32_t i = 0; i < columns.size(); ++i) columns[i] = i;
  return columns;
}

Status no_format(const SourceSpec& spec) {
  if (spec.encode.empty() || spec.encode == "NATIVE" || spec.encode == "JSON") return ok();  // JSON: RisingWave's scripts say so
  return error(Code::NotSupported, "ENCODE {} does not go with a generator", spec.encode);
}

const Connector kConnectors[] = {
    {"posix_fs", "on_error",
     [](const SourceSpec& spec) -> Status {
       PENSTOCK_TRY(parse_posix_fs(spec));
       PENSTOCK_TRY(make_row_parser(spec, all_columns(spec)));
       return ok();
     },
     [](const SourceSpec& spec) -> Result<std::vector<SplitPosition>> {
       PENSTOCK_TRY(const PosixFsOptions options, parse_posix_fs(spec));
       return list_files(options);
     },
     [](const SourceSpec& spec) -> Result<bool> {
       PENSTOCK_TRY(const PosixFsOptions options, parse_posix_fs(spec));
       return !options.follow;
     },
     [](const SourceSpec&) -> Result<uint64_t> { return uint64_t{0}; },
     [](const SourceSpec& spec, const SplitPosition& position, std::vector<uint32_t> output) -> Result<std::unique_ptr<SplitReader>> {
       PENSTOCK_TRY(PosixFsOptions options, parse_posix_fs(spec));
       std::vector<data::Field> columns;
       for (const uint32_t column : output) columns.push_back(spec.columns[column]);
       PENSTOCK_TRY(auto parser, make_row_parser(spec, std::move(output)));
       return std::make_unique<FileSplitReader>(std::move(options), std::move(parser), position, std::move(columns));
     }},
    {"nexmark", "",
     [](const SourceSpec& spec) -> Status {
       PENSTOCK_TRY(parse_nexmark(spec));
       return no_format(spec);
     },
     [](const SourceSpec& spec) -> Result<std::vector<SplitPosition>> {
       PENSTOCK_TRY(const NexmarkOptions options, parse_nexmark(spec));
       return numbered_splits(options.splits);
     },
     [](const SourceSpec& spec) -> Result<bool> {
       PENSTOCK_TRY(const NexmarkOptions options, parse_nexmark(spec));
       return options.events.has_value();
     },
     [](const SourceSpec& spec) -> Result<uint64_t> {
       PENSTOCK_TRY(const NexmarkOptions options, parse_nexmark(spec));
       return options.gap_nanos == 0 ? 0 : std::max<uint64_t>(1, 1'000'000'000 / options.gap_nanos);
     },
     open_nexmark},
    {"datagen", "datagen.rows.per.second",
     [](const SourceSpec& spec) -> Status {
       PENSTOCK_TRY(parse_datagen(spec));
       return no_format(spec);
     },
     [](const SourceSpec& spec) -> Result<std::vector<SplitPosition>> {
       PENSTOCK_TRY(const DatagenOptions options, parse_datagen(spec));
       return numbered_splits(options.splits);
     },
     [](const SourceSpec& spec) -> Result<bool> {
       PENSTOCK_TRY(const DatagenOptions options, parse_datagen(spec));
       return options.rows.has_value();
     },
     [](const SourceSpec& spec) -> Result<uint64_t> {
       PENSTOCK_TRY(const DatagenOptions options, parse_datagen(spec));
       return options.rows_per_second;
     },
     open_datagen},
};

Result<const Connector*> find(const SourceSpec& spec) {
  const auto name = spec.properties.find("connector");
  if (name == spec.properties.end()) return error(Code::InvalidParameter, "option connector is missing");
  std::vector<std::string> known;
  for (const Connector& connector : kConnectors) {
    if (connector.name == name->second) return &connector;
    known.emplace_back(connector.name);
  }
  return error(Code::NotSupported, "connector '{}' is not supported; there are {}", name->second, fmt::join(known, ", "));
}

}  // namespace

Status validate_source(const SourceSpec& spec) {
  PENSTOCK_TRY(const Connector* connector, find(spec));
  return connector->validate(spec);
}

Result<std::vector<SplitPosition>> list_splits(const SourceSpec& spec) {
  PENSTOCK_TRY(const Connector* connector, find(spec));
  return connector->list(spec);
}

bool is_finite(const SourceSpec& spec) {
  const auto connector = find(spec);
  if (connector.has_error()) return false;
  const auto finite = connector.value()->finite(spec);
  return finite.has_value() && finite.value();
}

bool may_change(const SourceSpec& spec, std::string_view key) {
  const auto connector = find(spec);
  return connector.has_value() && connector.value()->may_change == key;
}

uint64_t own_rate(const SourceSpec& spec) {
  const auto connector = find(spec);
  if (connector.has_error()) return 0;
  const auto rate = connector.value()->own_rate(spec);
  return rate.has_value() ? rate.value() : 0;
}

Result<std::unique_ptr<SplitReader>> open_split(const SourceSpec& spec, const SplitPosition& position, std::vector<uint32_t> output) {
  PENSTOCK_TRY(const Connector* connector, find(spec));
  for (const uint32_t column : output) {
    if (column >= spec.columns.size()) return error(Code::Protocol, "source {} has no column {}", spec.name, column);
  }
  return connector->open(spec, position, std::move(output));
}

}  // namespace penstock::connector
