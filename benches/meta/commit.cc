// A checkpoint's transaction, synced by RocksDB: what meta adds to checkpoint latency.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "common/check.h"
#include "meta/store/meta_store.h"

namespace penstock::meta {
namespace {

void commit_synced(benchmark::State& state) {
  std::string name = (std::filesystem::temp_directory_path() / "penstock-bench-XXXXXX").string();
  const std::string folder = ::mkdtemp(name.data());
  {
    auto opened = open_rocksdb_meta_store(folder, "bench");
    PENSTOCK_CHECK(opened.has_value(), "{}", opened.error());
    MetaStore& store = *opened.value();
    const LeaderTerm leader = store.lead(1).value();
    uint64_t n = 0;
    for (auto _ : state) {
      Txn txn;
      for (int64_t i = 0; i < state.range(0); ++i) txn.put(fmt::format("split/{:010}/{:010}/{:010}", 1, 1, i), std::string(60, 'x'));
      txn.put("graph/1", std::to_string(++n));
      PENSTOCK_CHECK(store.commit(leader, txn).has_value());
    }
  }
  std::filesystem::remove_all(folder);
}
BENCHMARK(commit_synced)->Arg(1)->Arg(10)->Arg(1000)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
}  // namespace penstock::meta
