#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"

namespace penstock::frontend {

/// The settings a session knows: those of Penstock, and the common ones of Postgres and RisingWave that drivers and tools set. Setting what
/// would change a result to a value that is not done is an error, never ignored. Value type.
class SessionVariables {
 public:
  SessionVariables();
  /// Errors: `UndefinedObject` for an unknown name (with the nearest), `InvalidParameter`/`NotSupported` for a value.
  Status set(const std::string& name, const std::optional<std::string>& value);
  /// Empty name: all.
  Status reset(const std::string& name);
  /// Errors: `UndefinedObject`.
  [[nodiscard]] Result<std::string> get(const std::string& name) const;
  [[nodiscard]] const std::map<std::string, std::string>& all() const { return values_; }
  [[nodiscard]] std::string_view description(const std::string& name) const;

  [[nodiscard]] bool dml_acknowledged_when_accepted() const { return values_.at("dml_ack") == "accepted"; }
  [[nodiscard]] bool strict_select() const { return values_.at("batch_expr_strict_mode") == "true"; }
  [[nodiscard]] bool allow_stale_reads() const { return values_.at("allow_stale_reads") == "true"; }
  [[nodiscard]] bool order_backfills() const;
  [[nodiscard]] bool background_ddl() const { return values_.at("background_ddl") == "true"; }
  [[nodiscard]] uint32_t streaming_parallelism() const;
  [[nodiscard]] uint64_t source_rate_limit() const;
  [[nodiscard]] uint64_t backfill_rate_limit() const;
  /// client_min_messages lets them through.
  [[nodiscard]] bool sends_notices() const;
  /// 0: none.
  [[nodiscard]] int64_t statement_timeout_ms() const;

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace penstock::frontend
