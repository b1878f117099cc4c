#pragma once

#include <string>
#include <vector>

#include "data/types.h"
#include "frontend/binder/plan.h"
#include "proto/catalog.pb.h"
#include "proto/stream_plan.pb.h"

/// The state tables of stateful operators, as the comments of stream_plan.proto say; `dist` are the columns by which the operator's
/// input is distributed, none for a singleton. Table numbers are given by the caller.
namespace penstock::frontend {

struct TableSpec {
  uint32_t id = 0;
  std::string name;
  std::vector<data::Field> columns;
  std::vector<uint32_t> pk;
  std::vector<uint32_t> dist;  // of `columns`
  uint32_t lookup_prefix = 0;
};
[[nodiscard]] pb::TableDesc make_table(const TableSpec& spec);

/// `field` of the catalog as a value of ours, and back.
[[nodiscard]] data::DataType type_of(const pb::DataType& type);
[[nodiscard]] std::vector<data::Field> fields_of(const pb::StreamNode& node);
[[nodiscard]] std::vector<std::string> names_of(const pb::StreamNode& node);
void add_field(pb::StreamNode& node, std::string name, data::DataType type);

}  // namespace penstock::frontend
