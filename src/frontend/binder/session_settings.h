#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace penstock::frontend {

/// What of a session decides what a statement means.
struct SessionSettings {
  std::string database = "dev";
  uint32_t database_id = 1;
  std::string user = "root";
  std::vector<std::string> search_path = {"public"};
  std::string version;                           // what version() answers
  int64_t now_micros = 0;                        // since 1970-01-01 UTC, of the statement: what now() answers
  uint32_t streaming_parallelism = 0;            // actors a fragment of new jobs; 0: all cores
  uint64_t source_rate_limit = 0;                // rows a second of each source of new jobs; 0: none
  uint64_t backfill_rate_limit = 0;              // likewise of each backfill
  bool order_backfills = true;                   // of new jobs, as the planner finds best, unless they say otherwise
  bool allow_stale_reads = false;                // of quarantined tables and views
  std::map<std::string, std::string> variables;  // what current_setting(name) answers
};

}  // namespace penstock::frontend
