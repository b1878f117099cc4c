// A shuffle's cost a row: four BIGINT columns and a text, hashed by one column, cut for so many destinations.
#include "stream/exchange/hash_split.h"

#include <benchmark/benchmark.h>

namespace penstock::stream {
namespace {

data::StreamChunk make_chunk(bool updates) {
  using data::TypeKind;
  data::StreamChunkBuilder builder({TypeKind::Int64, TypeKind::Int64, TypeKind::Int64, TypeKind::Int64, TypeKind::Varchar});
  for (int64_t i = 0; i < static_cast<int64_t>(data::kChunkRows); ++i) {
    const data::Op op = !updates ? data::Op::Insert : i % 2 == 0 ? data::Op::UpdateDelete : data::Op::UpdateInsert;
    builder.append(
        op, {data::Datum(i / 2 * 7919), data::Datum(i), data::Datum(i), data::Datum(i), data::Datum(std::string("auction channel 17"))});
  }
  return builder.finish();
}

void hash_split(benchmark::State& state) {
  const auto destinations = static_cast<size_t>(state.range(0));
  const data::StreamChunk chunk = make_chunk(state.range(1) != 0);
  std::vector<uint16_t> mapping(kDefaultVNodeCount);
  for (size_t vnode = 0; vnode < mapping.size(); ++vnode) mapping[vnode] = static_cast<uint16_t>(vnode % destinations);
  HashSplit split({0}, mapping, destinations);
  const std::vector<uint32_t> output = {0, 1, 2, 3, 4};
  for (auto _ : state) benchmark::DoNotOptimize(split.split(chunk, output).data());
  state.counters["ns_per_row"] = benchmark::Counter(static_cast<double>(chunk.rows()) * 1e-9,
                                                    benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(hash_split)->ArgNames({"destinations", "updates"})->Args({2, 0})->Args({2, 1})->Args({16, 0})->Args({128, 0})->Args({128, 1});

}  // namespace
}  // namespace penstock::stream
