#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "expr/aggregate.h"

namespace penstock::expr {

/// All aggregates; filled once by the `register_…` functions of src/expr/aggregates, read-only afterwards.
class AggregateTable {
 public:
  using Make = std::unique_ptr<const Aggregate> (*)(data::DataType argument, data::DataType result);
  struct Overload {
    std::vector<data::TypeKind> args;
    data::TypeKind result;
    Make make;
  };

  [[nodiscard]] static const AggregateTable& instance();
  void add(std::string_view name, data::TypeKind arg, data::TypeKind result, Make make) {
    functions_[std::string(name)].push_back({{arg}, result, make});
  }
  [[nodiscard]] const std::vector<Overload>* find(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, std::vector<Overload>, std::less<>>& functions() const { return functions_; }

 private:
  AggregateTable();
  std::map<std::string, std::vector<Overload>, std::less<>> functions_;
};

/// count(*) and count(x) of any type.
[[nodiscard]] std::unique_ptr<const Aggregate> make_count(bool of_rows);

void register_integer_sums(AggregateTable& table);
void register_float_sums(AggregateTable& table);
void register_numeric_sums(AggregateTable& table);
void register_interval_sums(AggregateTable& table);
void register_min_max(AggregateTable& table);
void register_bool_aggregates(AggregateTable& table);
void register_variances(AggregateTable& table);

}  // namespace penstock::expr
