#pragma once

#include <atomic>
#include <string>

#include "ctl/meta_caller.h"

namespace penstock::ctl {

/// What `penstock ctl` shows of a cluster. Each command prints to standard output.
struct ViewOptions {
  bool json = false;
  bool colour = false;                             // standard output is a terminal
  std::string job;                                 // only of this one
  std::string database;                            // likewise
  uint32_t limit = 20;                             // of the newest rows, where there are many
  uint32_t node = 0;                               // 0: all
  uint32_t actor = 0;                              // 0: all
  bool wide = false;                               // long texts in full
  uint32_t columns = 0;                            // of the terminal that standard error is; 0: it is none
  const std::atomic<bool>* interrupted = nullptr;  // true once the user wants a command that waits to end; null: never
};

[[nodiscard]] Status show_cluster(MetaCaller& meta, const ViewOptions& options);
[[nodiscard]] Status show_jobs(MetaCaller& meta, const ViewOptions& options);
[[nodiscard]] Status show_fragments(MetaCaller& meta, const ViewOptions& options);
[[nodiscard]] Status show_actors(MetaCaller& meta, const ViewOptions& options);
[[nodiscard]] Status show_epochs(MetaCaller& meta, const ViewOptions& options);
[[nodiscard]] Status show_barriers(MetaCaller& meta, const ViewOptions& options);
[[nodiscard]] Status show_events(MetaCaller& meta, const ViewOptions& options);
[[nodiscard]] Status show_tables(MetaCaller& meta, const ViewOptions& options);
[[nodiscard]] Status show_await_tree(MetaCaller& meta, const ViewOptions& options);

}  // namespace penstock::ctl
