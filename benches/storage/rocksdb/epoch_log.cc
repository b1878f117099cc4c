// The state store of a compute as operators and the barrier worker use it: rows of 22 + 100 bytes, files in the folder that
// PENSTOCK_BENCH_DIR names (else the system's for temporary files), fdatasync included.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <filesystem>

#include "common/check.h"
#include "runtime/threaded_runtime.h"
#include "storage/posix_filesystem.h"
#include "storage/rocksdb/rocksdb_base.h"
#include "storage/rocksdb/rocksdb_state_store.h"

namespace penstock::storage {
namespace {

constexpr PartialGraphId kGraph{1};
constexpr TableId kTable{7};
constexpr size_t kKeyBytes = 22;
constexpr size_t kValueBytes = 100;

template <typename T>
T must(Result<T> result) {
  PENSTOCK_CHECK(result.has_value(), "{}", result.error());
  return std::move(result).value();
}
void must(const Status& status) { PENSTOCK_CHECK(status.has_value(), "{}", status.error()); }

/// A store with one graph and one table, and meta as far as it is needed.
class Node {
 public:
  explicit Node(const std::string& name) : path_(folder() + "/penstock-bench-" + name) {
    std::filesystem::remove_all(path_);
    open();
  }
  ~Node() {
    table_.reset();
    store_.reset();
    data_.reset();
    std::filesystem::remove_all(path_);
  }

  static std::string folder() {
    const char* set = std::getenv("PENSTOCK_BENCH_DIR");
    return set != nullptr ? set : std::filesystem::temp_directory_path().string();
  }

  void open() {
    table_.reset();
    store_.reset();
    data_.reset();
    data_ = must(DataFolder::open(files_, path_));
    store_ = must(open_rocksdb_state_store(*runtime_, *data_, NodeUuid{1}, options_));
    must(store_->retain_segments(live_, std::nullopt));
    must(store_->open_graph({kGraph, Term{++term_}}, committed_, live_, std::nullopt));
    running_ = Epoch{running_.value + 1};
    must(store_->start_epoch(kGraph, running_, {}));
    table_ = must(store_->open_table({kTable, kGraph, VNodeBitmap::all(), "bench"}));
    must(table_->init({committed_, running_}));
  }

  static std::string key_of(uint64_t id) {
    std::string key(kKeyBytes, 'k');
    const uint64_t scattered = id * 0x9e3779b97f4a7c15ULL;
    key[0] = 0;
    key[1] = static_cast<char>(scattered >> 56);
    for (int i = 0; i < 8; ++i) key[14 + static_cast<size_t>(i)] = static_cast<char>(id >> (56 - 8 * i));
    return key;
  }

  /// Rows as an encoder makes them: values that shrink to about a half.
  void append(uint64_t first, uint64_t rows, uint64_t stride = 1) {
    WriteBatch batch;
    std::string value(kValueBytes, 'v');
    for (uint64_t i = 0; i < rows; ++i) {
      const uint64_t id = first + i * stride;
      uint64_t noise = id * 0xd1342543de82ef95ULL + running_.value;
      for (size_t at = 0; at + 16 <= value.size(); at += 16, noise = noise * 6364136223846793005ULL + 1)
        std::memcpy(value.data() + at, &noise, 8);
      batch.put(key_of(id), value);
      if (batch.bytes.size() < 256 * 1024) continue;
      must(table_->append(std::move(batch)));
      batch = {};
    }
    must(table_->append(std::move(batch)));
  }

  Epoch barrier() {
    const Epoch prev = running_;
    running_ = Epoch{prev.value + 1};
    must(store_->start_epoch(kGraph, running_, {}));
    must(table_->seal_current_epoch({prev, running_}));
    return prev;
  }
  void sync(Epoch prev) {
    for (const SegmentInfo& info : must(store_->sync_epoch({kGraph, Term{term_}}, prev, {}))) staged_.push_back(info.ref);
  }
  void commit(Epoch prev) {
    std::vector<uint64_t> struck;
    for (const uint64_t sequence : store_->flushed_segments(kGraph)) {
      std::erase_if(live_, [&](const SegmentRef& ref) { return ref.sequence == sequence; });
      struck.push_back(sequence);
    }
    live_.insert(live_.end(), staged_.begin(), staged_.end());
    staged_.clear();
    committed_ = prev;
    must(store_->commit_epoch(kGraph, prev, struck, {}));
  }
  void checkpoint() {
    const Epoch prev = barrier();
    sync(prev);
    commit(prev);
  }
  /// Commits, and waits until everything committed is in RocksDB.
  void flush() {
    store_->set_flush_threshold(1);
    checkpoint();
    while (store_->usage().segment_bytes != 0) {
      const auto waiter = runtime_->make_waiter();
      (void)waiter->wait_for(std::chrono::milliseconds(5));
    }
    store_->set_flush_threshold(UINT64_MAX);
    checkpoint();
  }
  void fill(uint64_t rows) {
    for (uint64_t done = 0; done < rows; done += 200'000) {
      append(done, std::min<uint64_t>(200'000, rows - done));
      done % 1'000'000 == 800'000 ? flush() : checkpoint();
    }
    flush();
  }

  [[nodiscard]] LocalStateStore& table() { return *table_; }
  [[nodiscard]] LogStateStore& store() { return *store_; }
  [[nodiscard]] runtime::Runtime& runtime() { return *runtime_; }

 private:
  const std::string path_;
  const std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime();
  PosixFileSystem files_;
  RocksDbOptions options_{.log = {.flush_threshold = UINT64_MAX, .flush_segments = 100'000}};
  std::unique_ptr<DataFolder> data_;
  std::unique_ptr<LogStateStore> store_;
  std::unique_ptr<LocalStateStore> table_;
  std::vector<SegmentRef> live_, staged_;
  uint64_t term_ = 0;
  Epoch committed_{0}, running_{0};
};

// Last collect to durable, when the rows come all at once just before the barrier, and when they come while the epoch runs.
void sync_by_change_size(benchmark::State& state) {
  Node node("sync");
  const auto rows = static_cast<uint64_t>(state.range(0));
  std::vector<double> times;
  uint64_t at = 0;
  for (auto _ : state) {
    node.append(at, rows);
    at += rows;
    const Epoch prev = node.barrier();
    const auto start = node.runtime().now();
    node.sync(prev);
    const double seconds = static_cast<double>((node.runtime().now() - start).count()) / 1e9;
    times.push_back(seconds);
    state.SetIterationTime(seconds);
    node.commit(prev);
    if (at > 2'000'000) {
      state.PauseTiming();
      node.flush();
      at = 0;
      state.ResumeTiming();
    }
  }
  std::ranges::sort(times);
  state.counters["p50_ms"] = times[times.size() / 2] * 1e3;
  state.counters["p99_ms"] = times[times.size() * 99 / 100] * 1e3;
}
BENCHMARK(sync_by_change_size)
    ->Arg(1)
    ->Arg(1'000)
    ->Arg(10'000)
    ->Arg(50'000)
    ->Arg(200'000)
    ->UseManualTime()
    ->Iterations(60)
    ->Unit(benchmark::kMillisecond);

void append_a_row(benchmark::State& state) {
  Node node("append");
  WriteBatch rows;
  const std::string value(kValueBytes, 'v');
  for (uint64_t i = 0; i < 2000; ++i) rows.put(Node::key_of(i), value);
  uint64_t done = 0;
  for (auto _ : state) {
    WriteBatch batch = rows;
    must(node.table().append(std::move(batch)));
    done += rows.entries.size();
    if (done % 1'000'000 != 0) continue;
    state.PauseTiming();
    node.flush();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<int64_t>(done));
}
BENCHMARK(append_a_row);

void flush_a_row(benchmark::State& state) {
  for (auto _ : state) {
    Node node("flush");
    const auto rows = static_cast<uint64_t>(state.range(0));
    for (uint64_t done = 0; done < rows; done += 100'000) {
      node.append(done * 7919 % 1'000'003, 100'000, 10);
      node.checkpoint();
    }
    const auto start = node.runtime().now();
    node.flush();
    const double seconds = static_cast<double>((node.runtime().now() - start).count()) / 1e9;
    state.SetIterationTime(seconds);
    state.counters["ns_a_row"] = seconds * 1e9 / static_cast<double>(rows);
  }
}
BENCHMARK(flush_a_row)->Arg(500'000)->UseManualTime()->Iterations(3)->Unit(benchmark::kMillisecond);

enum Layer { kRunning, kCommitted, kAdopted, kSorted };

// multi_get of 1,024 keys that are there, by where they lie.
void point_read(benchmark::State& state) {
  Node node("point");
  constexpr uint64_t kRows = 500'000;
  node.append(0, kRows);
  if (state.range(0) >= kCommitted) node.checkpoint();
  if (state.range(0) == kAdopted) node.open();
  if (state.range(0) == kSorted) node.flush();
  uint64_t next = 1;
  std::vector<std::string> keys(1024);
  for (auto _ : state) {
    for (auto& key : keys) key = Node::key_of((next = next * 6364136223846793005ULL + 1442695040888963407ULL) % kRows);
    auto values = must(node.table().multi_get(keys));
    PENSTOCK_CHECK(values[0].has_value());
    benchmark::DoNotOptimize(values);
  }
  state.SetItemsProcessed(state.iterations() * 1024);
}
BENCHMARK(point_read)->ArgName("layer")->Arg(kRunning)->Arg(kCommitted)->Arg(kAdopted)->Arg(kSorted);

// A prefix scan that finds one row, as a join does for a key it has not in memory.
void prefix_scan(benchmark::State& state) {
  Node node("prefix");
  constexpr uint64_t kRows = 500'000;
  node.append(0, kRows);
  if (state.range(0) >= kCommitted) node.checkpoint();
  if (state.range(0) == kSorted) node.flush();
  uint64_t next = 1;
  for (auto _ : state) {
    Range range{Node::key_of((next = next * 6364136223846793005ULL + 1442695040888963407ULL) % kRows), {}};
    range.end = range.begin + '\xff';
    auto rows = must(node.table().scan(range));
    PENSTOCK_CHECK(must(rows->next()));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(prefix_scan)->ArgName("layer")->Arg(kRunning)->Arg(kCommitted)->Arg(kSorted);

void full_scan(benchmark::State& state) {
  Node node("scan");
  constexpr uint64_t kRows = 1'000'000;
  node.fill(kRows);
  node.append(0, 50'000, 20);
  node.checkpoint();
  for (auto _ : state) {
    auto rows = must(node.table().scan({}));
    uint64_t n = 0;
    while (must(rows->next())) ++n;
    PENSTOCK_CHECK(n == kRows);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
}
BENCHMARK(full_scan)->Unit(benchmark::kMillisecond);

// SIGKILL to "the graph is open and the table answers its first read", with 60 MB of it not flushed.
void reopen_by_state_size(benchmark::State& state) {
  Node node("reopen");
  const auto rows = static_cast<uint64_t>(state.range(0)) * 1'000'000 / 122;
  node.fill(rows);
  for (int i = 0; i < 10; ++i) {
    node.append(static_cast<uint64_t>(i) * 50'000, 50'000);
    node.checkpoint();
  }
  for (auto _ : state) {
    const auto start = node.runtime().now();
    node.open();
    const auto opened = node.runtime().now();
    PENSTOCK_CHECK(must(node.table().get(Node::key_of(rows / 2))).has_value());
    const auto read = node.runtime().now();
    state.SetIterationTime(static_cast<double>((read - start).count()) / 1e9);
    state.counters["open_ms"] = static_cast<double>((opened - start).count()) / 1e6;
    state.counters["first_read_ms"] = static_cast<double>((read - opened).count()) / 1e6;
  }
}
BENCHMARK(reopen_by_state_size)->ArgName("MB")->Arg(10)->Arg(1000)->UseManualTime()->Iterations(5)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace penstock::storage
