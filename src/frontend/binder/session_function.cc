#include <algorithm>
#include <array>

#include "data/datum.h"
#include "frontend/binder/expr_binder.h"

namespace penstock::frontend {
namespace {

using data::TypeKind;

constexpr std::array<std::string_view, 7> kTime = {
    "now", "current_timestamp", "localtimestamp", "transaction_timestamp", "statement_timestamp", "clock_timestamp", "current_date"};
constexpr int64_t kMicrosPerDay = 86'400'000'000;

std::optional<std::string> text_of(std::string_view name, const SessionSettings& settings) {
  if (name == "current_user" || name == "session_user" || name == "user") return settings.user;
  if (name == "current_database" || name == "current_catalog") return settings.database;
  if (name == "current_schema") return settings.search_path.empty() ? "public" : settings.search_path.front();
  if (name == "version") return settings.version;
  return std::nullopt;
}

struct CatalogFunction {
  std::string_view name;
  size_t args;
  data::DataType type;
  std::optional<std::string_view> value;
};
// What psql asks pg_catalog about each row, where every row has the same answer: all is owned by root, visible, and without privileges.
constexpr std::array<CatalogFunction, 6> kCatalogFunctions = {{{"pg_get_userbyid", 1, TypeKind::Varchar, "root"},
                                                               {"pg_encoding_to_char", 1, TypeKind::Varchar, "UTF8"},
                                                               {"pg_table_is_visible", 1, TypeKind::Boolean, "t"},
                                                               {"array_to_string", 2, TypeKind::Varchar, std::nullopt},
                                                               {"obj_description", 2, TypeKind::Varchar, std::nullopt},
                                                               {"shobj_description", 2, TypeKind::Varchar, std::nullopt}}};

std::optional<Expr> catalog_function(std::string_view name, size_t args, uint32_t position) {
  const auto found = std::ranges::find_if(kCatalogFunctions, [&](const auto& f) { return f.name == name && f.args == args; });
  if (found == kCatalogFunctions.end()) return std::nullopt;
  if (!found->value) return Expr::null_of(found->type, position);
  return Expr::literal(found->type, std::string(*found->value), position);
}

Expr time_of(std::string_view name, const SessionSettings& settings, uint32_t position) {
  const int64_t now = settings.now_micros;
  if (name != "current_date") return Expr::literal(TypeKind::Timestamp, data::to_text(now, TypeKind::Timestamp), position);
  const int64_t day = now / kMicrosPerDay - (now % kMicrosPerDay < 0 ? 1 : 0);
  return Expr::literal(TypeKind::Date, data::to_text(static_cast<int32_t>(day), TypeKind::Date), position);
}

}  // namespace

Result<std::optional<Expr>> session_function(std::string_view name, const std::vector<Expr>& args, const BindContext& context,
                                             uint32_t position) {
  if (auto answer = context.streaming ? std::nullopt : catalog_function(name, args.size(), position)) return answer;
  const bool time = std::find(kTime.begin(), kTime.end(), name) != kTime.end();
  const auto text = args.empty() ? text_of(name, context.settings) : std::nullopt;
  const bool setting = name == "current_setting" && args.size() == 1 && args[0].is_literal() && !args[0].null;
  if (!text && !setting && (!time || !args.empty())) return std::optional<Expr>{};
  if (context.streaming) {
    return error(Code::NotSupported, "{}() in a view, sink or default is not supported: its value changes with no row", name).at(position);
  }
  if (time) return std::optional(time_of(name, context.settings, position));
  if (text) return std::optional(Expr::literal(TypeKind::Varchar, *text, position));
  const auto found = context.settings.variables.find(args[0].text);
  if (found == context.settings.variables.end()) {
    return error(Code::UndefinedObject, "unrecognized configuration parameter \"{}\"", args[0].text).at(position);
  }
  return std::optional(Expr::literal(TypeKind::Varchar, found->second, position));
}

}  // namespace penstock::frontend
