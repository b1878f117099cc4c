#pragma once

#include "bench/workload/sql_connection.h"
#include "bench/workload/workload.h"

namespace penstock::bench {

/// SQL on a Penstock cluster: inserts into a table TABLE_N of agent N and looks at a view on it, TABLE_N_view. A row's number and its
/// worker are the key, so that an insert whose outcome is unknown is simply done again, and `verify` can ask for every row exactly once.
///
/// With `sql` the statements are performed in order by the first agent instead, each an operation.
class StreamWorkload final : public Workload {
 public:
  StreamWorkload(StreamOptions options, RunResources& resources, const std::atomic<bool>& stop);
  std::vector<std::string> kinds() const override { return {"statement", "insert", "select", "visible", "fresh", "verify"}; }
  const LoadShape& load() const override { return options_.load; }
  Status validate() override;
  Status clean() override;
  Result<std::unique_ptr<Worker>> make_worker(uint32_t index) override;
  /// Of the cluster while the stage ran: latency of its barriers and checkpoints; and the memory of the processes this agent started.
  std::map<std::string, double> values() override;

 private:
  [[nodiscard]] bool only_statements() const { return !options_.sql.empty(); }
  Status create();

  const StreamOptions options_;
  RunResources& resources_;
  const std::atomic<bool>& stop_;
  const std::string table_;
  SqlConnection control_;
  int64_t first_epoch_ = 0;  // the last one that was committed when the stage began
};

}  // namespace penstock::bench
