#include "bench/workload/stream_workload.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "runtime/random.h"

namespace penstock::bench {
namespace {

constexpr Duration kReconnectPause = std::chrono::milliseconds(100);
constexpr Duration kServerPatience = std::chrono::seconds(10);
constexpr Duration kVisiblePause = std::chrono::milliseconds(1);

enum StreamKind : uint32_t { kStatement, kInsert, kSelect, kVisible, kFresh, kVerify };

int64_t whole_number(const SqlConnection::Rows& rows, size_t column = 0) {
  int64_t value = 0;
  if (rows.empty() || !rows[0][column]) return 0;
  const std::string& text = *rows[0][column];
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

uint64_t bytes_of(const SqlConnection::Rows& rows) {
  uint64_t bytes = 0;
  for (const auto& row : rows) {
    for (const auto& cell : row) bytes += cell ? cell->size() : 0;
  }
  return bytes;
}

// The server may come back; until then a worker must not spin. Anything else that it says is an error of this operation.
Worker::Done failed_operation(uint32_t kind, const Error& why, runtime::Runtime& runtime) {
  if (why.code() == Code::Unavailable) (void)runtime.make_waiter()->wait_for(kReconnectPause);
  return {kind, 0, why.to_string()};
}

// Performs `sql` in order; one that fails ends the stage.
class StatementWorker final : public Worker {
 public:
  StatementWorker(const StreamOptions& options, bool performs, RunResources& resources, const std::atomic<bool>& stop)
      : statements_(performs ? options.sql : std::vector<std::string>()), sql_(options.server, resources.runtime(), stop) {}
  std::optional<uint64_t> tasks() const override { return statements_.size(); }
  Result<Done> next() override {
    const std::string& statement = statements_[next_++];
    const auto rows = sql_.query(statement);
    if (rows.has_error()) return rows.error().with_context(fmt::format("statement {}: {:.60}", next_, statement));
    return Done{kStatement, bytes_of(rows.value()), ""};
  }

 private:
  const std::vector<std::string> statements_;
  SqlConnection sql_;
  size_t next_ = 0;
};

class StreamWorker final : public Worker {
 public:
  StreamWorker(const StreamOptions& options, const std::string& table, uint32_t index, StreamLedger& ledger, RunResources& resources,
               const std::atomic<bool>& stop)
      : options_(options),
        table_(table),
        index_(index),
        ledger_(ledger),
        runtime_(resources.runtime()),
        stop_(stop),
        sql_(options.server, resources.runtime(), stop),
        random_(options.load.seed * 1'000'003 + resources.agent() * 1009 + index),
        choice_({"insert", "select", "fresh", "verify"}, options.weights),
        pad_(draw_size(options.value, random_.next(), random_.next()), 'x') {}

  Status look_up() {
    if (ledger_.known) return ok();
    PENSTOCK_TRY(const auto rows, sql_.query(fmt::format("SELECT max(seq) FROM {} WHERE worker = {}", table_, index_)));
    if (!rows.empty() && rows[0][0]) ledger_.acknowledged = ledger_.attempted = static_cast<uint64_t>(whole_number(rows)) + 1;
    ledger_.known = true;
    return ok();
  }

  Result<Done> next() override {
    if (step_ == Step::Visible) return visible();
    if (step_ == Step::Fresh) return fresh();
    switch (choice_.pick(random_.next())) {
      case 0:
        return insert();
      case 1:
        return select();
      case 2:
        return insert_and_follow();
      default:
        return verify();
    }
  }

 private:
  enum class Step : uint8_t { Load, Visible, Fresh };

  [[nodiscard]] uint64_t key_of(uint64_t row) const { return runtime::SplitMix::mix(row + (uint64_t{index_} << 40U)) % options_.keys; }

  Result<Done> insert() {
    const uint64_t first = ledger_.acknowledged, end = first + options_.rows;
    std::string sql = fmt::format("INSERT INTO {} VALUES ", table_);
    for (uint64_t row = first; row < end; ++row) {
      sql += fmt::format("{}({}, {}, {}, {}, '{}')", row == first ? "" : ", ", index_, row, key_of(row), row, pad_);
    }
    ledger_.attempted = std::max(ledger_.attempted, end);
    const auto inserted = sql_.query(sql);
    if (inserted.has_error()) return failed_operation(kInsert, inserted.error(), runtime_);
    ledger_.acknowledged = end;
    return Done{kInsert, sql.size(), ""};
  }

  Result<Done> select() {
    const auto rows =
        sql_.query(fmt::format("SELECT n, s FROM {}_view WHERE worker = {} AND k = {}", table_, index_, random_.below(options_.keys)));
    if (rows.has_error()) return failed_operation(kSelect, rows.error(), runtime_);
    return Done{kSelect, bytes_of(rows.value()), ""};
  }

  Result<Done> insert_and_follow() {
    sent_ = runtime_.now();
    PENSTOCK_TRY(Done done, insert());
    if (done.error.empty()) step_ = Step::Visible;
    return done;
  }

  // From the answer to the insert until the view shows its last row.
  Result<Done> visible() {
    step_ = Step::Load;
    const uint64_t row = ledger_.acknowledged - 1;
    const std::string sql =
        fmt::format("SELECT count(*) FROM {}_view WHERE worker = {} AND k = {} AND last >= {}", table_, index_, key_of(row), row);
    const runtime::TimePoint begun = runtime_.now();
    const auto waiter = runtime_.make_waiter();
    for (;;) {
      const auto rows = sql_.query(sql);
      if (rows.has_error()) return failed_operation(kVisible, rows.error(), runtime_);
      if (whole_number(rows.value()) > 0) break;
      if (stop_ || runtime_.now() - begun > options_.server.timeout)
        return Done{kVisible, 0,
                    fmt::format("row {} is not visible {} after its insert was answered", row, format_duration(runtime_.now() - begun))};
      (void)waiter->wait_for(kVisiblePause);
    }
    step_ = Step::Fresh;
    return Done{kVisible, 0, ""};
  }

  // From the moment the insert was sent.
  Result<Done> fresh() {
    step_ = Step::Load;
    return Done{kFresh, 0, "", runtime_.now() - sent_};
  }

  /// Every row exactly once, in the table and in the view. Wrong rows end the stage.
  Result<Done> verify() {
    for (const std::string& sql : {fmt::format("SELECT count(*), sum(v) FROM {} WHERE worker = {}", table_, index_),
                                   fmt::format("SELECT sum(n), sum(s) FROM {}_view WHERE worker = {}", table_, index_)}) {
      const auto rows = sql_.query(sql);
      if (rows.has_error()) return failed_operation(kVerify, rows.error(), runtime_);
      const auto count = static_cast<uint64_t>(whole_number(rows.value()));
      const auto sum = static_cast<uint64_t>(whole_number(rows.value(), 1));
      const uint64_t expected = count == 0 ? 0 : count * (count - 1) / 2;  // of 0, 1, 2, …
      if (count < ledger_.acknowledged || count > ledger_.attempted || sum != expected) {
        return error(Code::Corruption, "{}: {} rows with the sum {}; {} were acknowledged, {} sent at most, and the sum of {} is {}", sql,
                     count, sum, ledger_.acknowledged, ledger_.attempted, count, expected);
      }
    }
    return Done{kVerify, 0, ""};
  }

  const StreamOptions& options_;
  const std::string& table_;
  const uint32_t index_;
  StreamLedger& ledger_;
  runtime::Runtime& runtime_;
  const std::atomic<bool>& stop_;
  SqlConnection sql_;
  runtime::SplitMix random_;
  const WeightedChoice choice_;
  const std::string pad_;
  Step step_ = Step::Load;
  runtime::TimePoint sent_;
};

void add_percentiles(const std::string& name, std::vector<double> millis, std::map<std::string, double>& values) {
  if (millis.empty()) return;
  std::ranges::sort(millis);
  const auto at = [&](double share) {
    return millis[std::min(millis.size() - 1, static_cast<size_t>(share * static_cast<double>(millis.size())))];
  };
  values[name + "_p50_ms"] = at(0.5);
  values[name + "_p99_ms"] = at(0.99);
  values[name + "_max_ms"] = millis.back();
}

}  // namespace

StreamWorkload::StreamWorkload(StreamOptions options, RunResources& resources, const std::atomic<bool>& stop)
    : options_(std::move(options)),
      resources_(resources),
      stop_(stop),
      table_(fmt::format("{}_{}", options_.table, resources.agent())),
      control_(options_.server, resources.runtime(), stop) {}

// A server that was started a moment ago is waited for.
Status StreamWorkload::validate() {
  runtime::Runtime& runtime = resources_.runtime();
  const runtime::TimePoint begun = runtime.now();
  while (true) {
    const auto answer = control_.query("SELECT 1");
    if (answer.has_value()) return ok();
    if (stop_ || answer.error().code() != Code::Unavailable || runtime.now() - begun > kServerPatience) return answer.error();
    (void)runtime.make_waiter()->wait_for(kReconnectPause);
  }
}

Status StreamWorkload::clean() {
  if (only_statements()) {
    if (resources_.agent() != 0) return ok();
    for (const std::string& statement : options_.sql) {
      PENSTOCK_TRY(in_context(control_.query(statement), statement));
    }
    return ok();
  }
  PENSTOCK_TRY(control_.query(fmt::format("DROP TABLE IF EXISTS {} CASCADE", table_)));
  resources_.forget_streams(table_);
  return ok();
}

Status StreamWorkload::create() {
  PENSTOCK_TRY(control_.query(fmt::format(
      "CREATE TABLE IF NOT EXISTS {} (worker BIGINT, seq BIGINT, k BIGINT, v BIGINT, pad VARCHAR, PRIMARY KEY (worker, seq))", table_)));
  PENSTOCK_TRY(
      control_.query(fmt::format("CREATE MATERIALIZED VIEW IF NOT EXISTS {0}_view AS SELECT worker, k, count(*) AS n, sum(v) AS s, "
                                 "max(seq) AS last FROM {0} GROUP BY worker, k",
                                 table_)));
  return ok();
}

Result<std::unique_ptr<Worker>> StreamWorkload::make_worker(uint32_t index) {
  if (only_statements()) {
    return std::unique_ptr<Worker>(std::make_unique<StatementWorker>(options_, resources_.agent() == 0, resources_, stop_));
  }
  if (index == 0) {
    PENSTOCK_TRY(create());
    PENSTOCK_TRY(const auto rows, control_.query("SELECT max(epoch) FROM penstock_barriers"));
    first_epoch_ = whole_number(rows);
  }
  auto worker = std::make_unique<StreamWorker>(options_, table_, index, resources_.stream_ledger(table_, index), resources_, stop_);
  PENSTOCK_TRY(worker->look_up());
  return std::unique_ptr<Worker>(std::move(worker));
}

std::map<std::string, double> StreamWorkload::values() {
  std::map<std::string, double> values;
  for (const auto& [name, bytes] : resources_.processes().memory()) values["resident_mb_" + name] = static_cast<double>(bytes) / 1e6;
  if (only_statements() || resources_.agent() != 0) return values;  // one agent's view of the cluster is enough
  const auto barriers = control_.query(
      fmt::format("SELECT total_ms, checkpoint_ms, kind FROM penstock_barriers WHERE state = 'committed' AND epoch > {}", first_epoch_));
  if (barriers.has_error()) return values;
  std::vector<double> total, checkpoint;
  for (const auto& row : barriers.value()) {
    if (row[0]) total.push_back(std::strtod(row[0]->c_str(), nullptr));
    if (row[1] && row[2] == "checkpoint") checkpoint.push_back(std::strtod(row[1]->c_str(), nullptr));
  }
  values["barriers"] = static_cast<double>(total.size());
  add_percentiles("barrier", std::move(total), values);
  add_percentiles("checkpoint", std::move(checkpoint), values);
  return values;
}

}  // namespace penstock::bench
