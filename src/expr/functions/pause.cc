#include "expr/pause.h"

#include <algorithm>
#include <utility>

#include "expr/function_table.h"

namespace penstock::expr {
namespace {

constexpr double kMostSeconds = 86'400;

thread_local constinit int64_t owed_nanos = 0;

// An empty text, which is how psql shows Postgres' void.
data::Column pause_for_each(const KernelCall& call) {
  const Arg<double> seconds(call.args[0]);
  const auto validity = strict_validity(call.args);
  for_each_row(call.rows, call.active, validity.get(), [&](size_t row) { owe_pause(seconds[row]); });
  std::shared_ptr<const data::Text[]> empty = std::make_shared<data::Text[]>(call.rows);
  return {call.type, call.rows, std::move(empty), validity};
}

}  // namespace

void owe_pause(double seconds) {
  if (seconds > 0) owed_nanos += static_cast<int64_t>(std::min(seconds, kMostSeconds) * 1e9);
}

int64_t take_owed_pause() { return std::exchange(owed_nanos, 0); }

void register_pause(FunctionTable& table) {
  table.add_impure("pg_sleep", {data::TypeKind::Float64}, data::TypeKind::Varchar, pause_for_each);
}

}  // namespace penstock::expr
