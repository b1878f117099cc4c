#include <benchmark/benchmark.h>

#include "data/key_codec.h"
#include "sample.h"

// Keys, values and the wire: ns a row of the 5-column sample, in items per second.
namespace penstock::data::bench {
namespace {

constexpr SortOrder kAscending;
const std::vector<SortOrder> kOrders(5, kAscending);

void count_rows(benchmark::State& state, size_t rows) {
  state.SetItemsProcessed(static_cast<int64_t>(rows) * state.iterations());
  state.counters["per_row"] =
      benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void encode_keys_of(benchmark::State& state, const std::vector<uint32_t>& columns, bool nulls) {
  const StreamChunk chunk = sample_chunk(kChunkRows, nulls);
  const std::vector<uint32_t> rows = first_rows(chunk.rows());
  const std::vector<VNode> vnodes(rows.size(), 7);
  EncodedRows out;
  for (auto _ : state) {
    out.clear();
    encode_keys_into(chunk.data(), rows, columns, std::span(kOrders).first(columns.size()), out, {.vnodes = vnodes});
    benchmark::DoNotOptimize(out.bytes.data());
  }
  count_rows(state, rows.size());
}
void BM_EncodeKey_5_columns(benchmark::State& state) { encode_keys_of(state, {0, 1, 2, 3, 4}, false); }
void BM_EncodeKey_5_columns_with_nulls(benchmark::State& state) { encode_keys_of(state, {0, 1, 2, 3, 4}, true); }
void BM_EncodeKey_bigint(benchmark::State& state) { encode_keys_of(state, {0}, false); }
void BM_EncodeKey_short_text(benchmark::State& state) { encode_keys_of(state, {1}, false); }
BENCHMARK(BM_EncodeKey_5_columns);
BENCHMARK(BM_EncodeKey_5_columns_with_nulls);
BENCHMARK(BM_EncodeKey_bigint);
BENCHMARK(BM_EncodeKey_short_text);

void encode_values_of(benchmark::State& state, bool nulls) {
  const StreamChunk chunk = sample_chunk(kChunkRows, nulls);
  const std::vector<uint32_t> rows = first_rows(chunk.rows());
  EncodedRows out;
  for (auto _ : state) {
    out.clear();
    encode_values_into(chunk.data(), rows, first_rows(5), out);
    benchmark::DoNotOptimize(out.bytes.data());
  }
  count_rows(state, rows.size());
}
void BM_EncodeValue_5_columns(benchmark::State& state) { encode_values_of(state, false); }
void BM_EncodeValue_5_columns_with_nulls(benchmark::State& state) { encode_values_of(state, true); }
BENCHMARK(BM_EncodeValue_5_columns);
BENCHMARK(BM_EncodeValue_5_columns_with_nulls);

std::vector<AnyColumnBuilder> builders_of(size_t rows) {
  std::vector<AnyColumnBuilder> builders;
  for (const DataType type : kSampleTypes) builders.emplace_back(type, rows);
  return builders;
}

void BM_DecodeValue_5_columns(benchmark::State& state) {
  const StreamChunk chunk = sample_chunk();
  EncodedRows encoded;
  encode_values_into(chunk.data(), first_rows(chunk.rows()), first_rows(5), encoded);
  std::vector<std::string_view> values;
  for (size_t i = 0; i < encoded.size(); ++i) values.push_back(encoded[i]);
  std::vector<AnyColumnBuilder> builders = builders_of(chunk.rows());
  for (auto _ : state) {
    if (decode_values_into(values, kSampleTypes, builders).has_error()) state.SkipWithError("broken");
    for (AnyColumnBuilder& builder : builders) benchmark::DoNotOptimize(builder.finish());
  }
  count_rows(state, values.size());
}
BENCHMARK(BM_DecodeValue_5_columns);

void BM_DecodeValue_one_by_one(benchmark::State& state) {
  const StreamChunk chunk = sample_chunk();
  EncodedRows encoded;
  encode_values_into(chunk.data(), first_rows(chunk.rows()), first_rows(5), encoded);
  std::vector<AnyColumnBuilder> builders = builders_of(chunk.rows());
  for (auto _ : state) {
    for (size_t i = 0; i < encoded.size(); ++i) {
      if (decode_value_into(encoded[i], kSampleTypes, builders).has_error()) state.SkipWithError("broken");
    }
    for (AnyColumnBuilder& builder : builders) benchmark::DoNotOptimize(builder.finish());
  }
  count_rows(state, encoded.size());
}
BENCHMARK(BM_DecodeValue_one_by_one);

void BM_DecodeKey_5_columns(benchmark::State& state) {
  const StreamChunk chunk = sample_chunk();
  EncodedRows encoded;
  encode_keys_into(chunk.data(), first_rows(chunk.rows()), first_rows(5), kOrders, encoded);
  std::vector<AnyColumnBuilder> builders = builders_of(chunk.rows());
  for (auto _ : state) {
    for (size_t i = 0; i < encoded.size(); ++i) {
      if (decode_key_into(encoded[i], kSampleTypes, kOrders, builders).has_error()) state.SkipWithError("broken");
    }
    for (AnyColumnBuilder& builder : builders) benchmark::DoNotOptimize(builder.finish());
  }
  count_rows(state, encoded.size());
}
BENCHMARK(BM_DecodeKey_5_columns);

void BM_EncodeChunk(benchmark::State& state) {
  const StreamChunk chunk = sample_chunk();
  std::string out;
  for (auto _ : state) {
    out.clear();
    encode_chunk(chunk, out);
    benchmark::DoNotOptimize(out.data());
  }
  count_rows(state, chunk.rows());
}
BENCHMARK(BM_EncodeChunk);

void BM_DecodeChunk(benchmark::State& state) {
  std::string bytes;
  encode_chunk(sample_chunk(), bytes);
  for (auto _ : state) benchmark::DoNotOptimize(decode_chunk(bytes));
  count_rows(state, kChunkRows);
}
BENCHMARK(BM_DecodeChunk);

}  // namespace
}  // namespace penstock::data::bench
