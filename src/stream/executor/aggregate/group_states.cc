#include "stream/executor/aggregate/group_states.h"

#include <cstring>

#include "stream/executor/chunk_rows.h"

namespace penstock::stream {

using data::Column;

GroupStates::GroupStates(const std::vector<AggregateCall>& calls, size_t key_width) : calls_(calls) {
  size_t offset = 0;
  size_t column = key_width;
  for (const AggregateCall& call : calls) {
    const size_t columns = call.function->state_types().size();
    places_.push_back({offset, column, columns, 0});
    offset += call.function->state_size();
    column += columns;
  }
  for (size_t c = 0; c < calls.size(); ++c) {
    if (!calls[c].keeps_values) continue;
    places_[c].values = offset;
    offset += sizeof(BestValues*);
  }
  owned_offset_ = offset;
}

void GroupStates::init(std::byte* payload) const {
  for (size_t c = 0; c < calls_.size(); ++c) calls_[c].function->init(payload + places_[c].offset);
}

void GroupStates::destroy(std::byte* payload) const {
  owned_bytes_ -= owned(payload);
  for (size_t c = 0; c < calls_.size(); ++c) {
    calls_[c].function->destroy(payload + places_[c].offset);
    if (calls_[c].keeps_values) delete values(payload, c);
  }
}

Status GroupStates::decode(const data::Row& row, std::byte* payload) const {
  for (size_t c = 0; c < calls_.size(); ++c) {
    const auto columns = std::span(row).subspan(places_[c].first_column, places_[c].columns);
    PENSTOCK_TRY(calls_[c].function->decode(columns, payload + places_[c].offset));
  }
  return ok();
}

BestValues* GroupStates::values(const std::byte* payload, size_t call) const {
  BestValues* out = nullptr;
  // NOLINTNEXTLINE(bugprone-sizeof-expression,bugprone-multi-level-implicit-pointer-conversion): the pointer itself
  std::memcpy(&out, payload + places_[call].values, sizeof(out));
  return out;
}

// Owned by the payload; `destroy` takes it down.
BestValues& GroupStates::make_values(std::byte* payload, size_t call, bool complete) const {
  auto made = std::make_unique<BestValues>(*calls_[call].keeps_values, complete);
  BestValues* const out = made.release();
  // NOLINTNEXTLINE(bugprone-sizeof-expression,bugprone-multi-level-implicit-pointer-conversion): the pointer itself
  std::memcpy(payload + places_[call].values, &out, sizeof(out));
  return *out;
}

std::vector<Column> GroupStates::outputs(std::span<const std::byte* const> payloads, expr::RowErrors& errors) const {
  std::vector<Column> columns;
  for (size_t c = 0; c < calls_.size(); ++c) columns.push_back(calls_[c].function->output(payloads, places_[c].offset, errors));
  return columns;
}

std::vector<Column> GroupStates::encode(std::span<const std::byte* const> payloads) const {
  std::vector<Column> columns;
  for (size_t c = 0; c < calls_.size(); ++c) {
    for (Column& column : calls_[c].function->encode(payloads, places_[c].offset)) columns.push_back(std::move(column));
  }
  return columns;
}

void GroupStates::take_best(size_t call, std::span<std::byte* const> payloads, expr::RowErrors& errors) const {
  const expr::Aggregate& function = *calls_[call].function;
  const size_t offset = places_[call].offset;
  data::AnyColumnBuilder builder(function.return_type(), payloads.size());
  for (std::byte* payload : payloads) {
    function.destroy(payload + offset);
    function.init(payload + offset);
    builder.append(values(payload, call)->best());
  }
  const Column best = builder.finish();
  function.apply({&best, 1}, all_rows(payloads.size()), nullptr, payloads.data(), offset, errors);
}

void GroupStates::recount_owned(std::span<const std::byte* const> payloads) const {
  for (const std::byte* payload : payloads) owned_bytes_ -= std::exchange(owned(payload), 0);
  for (size_t c = 0; c < calls_.size(); ++c) {
    const bool owns = calls_[c].keeps_values || calls_[c].function->return_type().kind == data::TypeKind::Varchar;
    if (!owns) continue;
    for (const std::byte* payload : payloads) {
      uint64_t bytes = calls_[c].function->owned_bytes(payload + places_[c].offset);
      if (calls_[c].keeps_values && values(payload, c) != nullptr) bytes += values(payload, c)->memory_bytes();
      owned_bytes_ += bytes;
      owned(payload) += bytes;
    }
  }
}

}  // namespace penstock::stream
