#include "frontend/session_variables.h"

#include <charconv>

#include "common/nearest.h"

namespace penstock::frontend {
namespace {

enum class Kind : uint8_t { Text, Boolean, Number, OneOf };
struct Variable {
  std::string_view name, initial;
  Kind kind;
  std::string_view allowed;  // OneOf: separated by '|', lower case
  std::string_view description;
};

constexpr Variable kVariables[] = {
    {"allow_stale_reads", "false", Kind::Boolean, "", "A SELECT may read what is quarantined, as it was when it was left out."},
    {"application_name", "", Kind::Text, "", "Name of the client, for people."},
    {"background_ddl", "false", Kind::Boolean, "", "CREATE answers at once and the job is made in the background."},
    {"backfill_order", "auto", Kind::OneOf, "auto|none",
     "In which order a new job's backfills read: as the planner finds best, or all at once."},
    {"backfill_rate_limit", "0", Kind::Number, "", "Rows a second that each actor of a new job's backfill reads; 0: no limit."},
    {"batch_expr_strict_mode", "true", Kind::Boolean, "", "A SELECT fails when a row cannot be computed; false: NULL instead."},
    {"bytea_output", "hex", Kind::OneOf, "hex", "Form of bytea."},
    {"client_encoding", "UTF8", Kind::OneOf, "utf8|utf-8|unicode", "Encoding of text on the wire."},
    {"client_min_messages", "notice", Kind::OneOf, "debug5|debug4|debug3|debug2|debug1|debug|info|log|notice|warning|error|fatal|panic",
     "Least level of messages that are sent."},
    {"datestyle", "ISO, MDY", Kind::OneOf, "iso|iso, mdy|iso,mdy", "Form of dates."},
    {"default_transaction_isolation", "read committed", Kind::Text, "", "Isolation of transactions."},
    {"dml_ack", "committed", Kind::OneOf, "committed|accepted", "When an INSERT, UPDATE or DELETE is acknowledged."},
    {"extra_float_digits", "1", Kind::Number, "", "Floats are always printed so that they read back."},
    {"idle_in_transaction_session_timeout", "0", Kind::Number, "", "Not enforced."},
    {"integer_datetimes", "on", Kind::OneOf, "on", "Always on."},
    {"intervalstyle", "postgres", Kind::OneOf, "postgres", "Form of intervals."},
    {"lock_timeout", "0", Kind::Number, "", "Not enforced: reads take no locks."},
    {"query_mode", "auto", Kind::OneOf, "auto|local|distributed", "Accepted for RisingWave's scripts; reads always go to the owners."},
    {"rw_implicit_flush", "true", Kind::Boolean, "", "Accepted for RisingWave's scripts; an INSERT is acknowledged when committed."},
    {"search_path", "public", Kind::Text, "", "Schemas that names without one are looked for in."},
    {"server_encoding", "UTF8", Kind::OneOf, "utf8", "Always UTF8."},
    {"server_version", "15.0", Kind::OneOf, "15.0", "Version of Postgres that the protocol and dialect follow."},
    {"source_rate_limit", "0", Kind::Number, "", "Rows a second that each actor of a new job's sources reads; 0: no limit."},
    {"standard_conforming_strings", "on", Kind::OneOf, "on", "Always on."},
    {"statement_timeout", "0", Kind::Number, "", "Milliseconds after which a statement is cancelled; 0: never."},
    {"streaming_parallelism", "0", Kind::Number, "", "Actors a fragment of new jobs; 0: all cores of the cluster."},
    {"timezone", "UTC", Kind::OneOf, "utc|etc/utc|gmt|+00:00|0", "Time zone; timestamps have none."},
    {"transaction_isolation", "read committed", Kind::Text, "", "Isolation of the transaction."},
};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

const Variable* find(const std::string& name) {
  const auto at = std::ranges::find(kVariables, lower(name), &Variable::name);
  return at == std::end(kVariables) ? nullptr : at;
}

Error unknown(const std::string& name) {
  std::vector<std::string> names;
  for (const Variable& variable : kVariables) names.emplace_back(variable.name);
  const std::string near = nearest(lower(name), names);
  const Error e = error(Code::UndefinedObject, "unrecognized configuration parameter \"{}\"", name);
  return near.empty() ? e.with_hint("SHOW ALL lists them.") : e.with_hint(fmt::format("Perhaps you meant \"{}\".", near));
}

int64_t number(const std::string& text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Result<std::string> checked(const Variable& variable, const std::string& value) {
  const std::string word = lower(value);
  const auto bad = [&](std::string_view allowed) {
    return error(Code::InvalidParameter, "invalid value for parameter \"{}\": \"{}\"", variable.name, value)
        .with_hint(std::string(allowed));
  };
  switch (variable.kind) {
    case Kind::Text:
      return value;
    case Kind::Boolean:
      if (word == "true" || word == "on" || word == "1" || word == "t" || word == "yes") return std::string("true");
      if (word == "false" || word == "off" || word == "0" || word == "f" || word == "no") return std::string("false");
      return bad("It is true or false.");
    case Kind::Number: {
      int64_t parsed = 0;
      const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), parsed);
      if (word == "default" || word == "adaptive") return std::string(variable.initial);
      if (failed != std::errc() || end != word.data() + word.size() || parsed < 0) return bad("It is a whole number.");
      return word;
    }
    case Kind::OneOf:
      for (std::string_view rest = variable.allowed; !rest.empty();) {
        const size_t bar = std::min(rest.find('|'), rest.size());
        if (word == rest.substr(0, bar)) return value;
        rest.remove_prefix(std::min(bar + 1, rest.size()));
      }
      return bad(fmt::format("Possible values: {}.", variable.allowed));
  }
  return value;
}

}  // namespace

SessionVariables::SessionVariables() {
  for (const Variable& variable : kVariables) values_[std::string(variable.name)] = variable.initial;
}

Status SessionVariables::set(const std::string& name, const std::optional<std::string>& value) {
  if (!value) return reset(name);
  const Variable* variable = find(name);
  if (variable == nullptr) {
    if (name.find('.') == std::string::npos) return unknown(name);
    values_[name] = *value;  // a custom parameter, as in Postgres
    return ok();
  }
  PENSTOCK_TRY(values_[std::string(variable->name)], checked(*variable, *value));
  return ok();
}

Status SessionVariables::reset(const std::string& name) {
  if (name.empty()) {
    *this = SessionVariables();
    return ok();
  }
  const Variable* variable = find(name);
  if (variable == nullptr) return unknown(name);
  values_[std::string(variable->name)] = variable->initial;
  return ok();
}

Result<std::string> SessionVariables::get(const std::string& name) const {
  const auto found = values_.find(lower(name));
  if (found == values_.end()) return unknown(name);
  return found->second;
}

std::string_view SessionVariables::description(const std::string& name) const {
  const Variable* variable = find(name);
  return variable == nullptr ? std::string_view() : variable->description;
}

uint32_t SessionVariables::streaming_parallelism() const {
  return static_cast<uint32_t>(std::min<int64_t>(number(values_.at("streaming_parallelism")), 1 << 15));
}
uint64_t SessionVariables::source_rate_limit() const { return static_cast<uint64_t>(number(values_.at("source_rate_limit"))); }
uint64_t SessionVariables::backfill_rate_limit() const { return static_cast<uint64_t>(number(values_.at("backfill_rate_limit"))); }
bool SessionVariables::order_backfills() const { return lower(values_.at("backfill_order")) == "auto"; }
int64_t SessionVariables::statement_timeout_ms() const { return number(values_.at("statement_timeout")); }

bool SessionVariables::sends_notices() const {
  const std::string least = lower(values_.at("client_min_messages"));
  return least != "warning" && least != "error" && least != "fatal" && least != "panic";
}

}  // namespace penstock::frontend
