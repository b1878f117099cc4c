#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "storage/state_table.h"
#include "stream/executor/actor_context.h"
#include "stream/executor/operator.h"

/// From a plan's messages to operators: the only folder of the executors that sees protobuf, one file a kind of node. A plan comes over the
/// wire, so every number, index and type of it is checked; what makes no sense is a `Protocol` error.
namespace penstock::pb {
class StreamNode;
class DataType;
class Field;
class TableDesc;
class Subscriber;
}  // namespace penstock::pb

namespace penstock::stream::from_proto {

using Types = std::vector<data::DataType>;

/// An operator and the columns it makes.
struct Built {
  std::unique_ptr<Operator> op;
  Types types;
};

/// What a builder is given: the node, the columns of each input, the actor.
struct Request {
  const pb::StreamNode& node;
  std::span<const Types> inputs;
  const ActorContext& context;
};

[[nodiscard]] Result<Built> build_source(const Request& request);
[[nodiscard]] Result<Built> build_project(const Request& request);
[[nodiscard]] Result<Built> build_filter(const Request& request);
[[nodiscard]] Result<Built> build_hop(const Request& request);
[[nodiscard]] Result<Built> build_union(const Request& request);
[[nodiscard]] Result<Built> build_row_id_gen(const Request& request);
[[nodiscard]] Result<Built> build_dml(const Request& request);
[[nodiscard]] Result<Built> build_materialize(const Request& request);
[[nodiscard]] Result<Built> build_hash_agg(const Request& request);
[[nodiscard]] Result<Built> build_hash_join(const Request& request);
[[nodiscard]] Result<Built> build_stream_scan(const Request& request);
[[nodiscard]] Result<Built> build_sink(const Request& request);

// ---- pieces that several of them need

template <typename Fields>
[[nodiscard]] Result<Types> types_of(const Fields& fields);

/// `what`: for the error, as "group key".
[[nodiscard]] Status check_columns(std::span<const uint32_t> columns, size_t width, std::string_view what);
template <typename Repeated>
[[nodiscard]] std::vector<uint32_t> numbers(const Repeated& repeated) {
  return {repeated.begin(), repeated.end()};
}
[[nodiscard]] Types pick(const Types& types, std::span<const uint32_t> columns);
/// Whether the columns of the two lists are stored alike; numeric's precision does not matter.
[[nodiscard]] bool same_kinds(const Types& a, const Types& b);

[[nodiscard]] Subscriber subscriber_of(const pb::Subscriber& subscriber);
/// `base` is added to the table's number.
[[nodiscard]] Result<storage::TableSchema> schema_of(const pb::TableDesc& desc, uint32_t base);
/// A table of the job, whose columns must be `columns` and whose pk must be the columns `pk` in any order if `pk` is given.
[[nodiscard]] Result<storage::StateTable> open_table(const Request& request, const pb::TableDesc& desc, const Types& columns);
/// `Protocol` unless the pk of `schema` begins with exactly the columns `first`, in any order.
[[nodiscard]] Status check_pk(const storage::TableSchema& schema, std::span<const uint32_t> first, bool nothing_else);
/// The catalog object a node speaks of; 0 is the job itself.
[[nodiscard]] ObjectId object_of(uint32_t id, const ActorContext& context);

}  // namespace penstock::stream::from_proto
