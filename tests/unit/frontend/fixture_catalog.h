#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/check.h"
#include "frontend/parser/parser.h"
#include "frontend/planner/planner.h"

namespace penstock::testing {

/// A catalog made by running definitions through the frontend itself: what CREATE gives is numbered and kept. Definitions must be right.
class FixtureCatalog : public frontend::CatalogReader {
 public:
  explicit FixtureCatalog(std::string_view definitions) { run(definitions); }

  void run(std::string_view definitions) {
    auto statements = frontend::parse(definitions);
    PENSTOCK_CHECK(statements.has_value(), "{}", statements.error());
    for (const auto& statement : statements.value()) {
      auto bound = frontend::bind(statement, *this, settings);
      PENSTOCK_CHECK(bound.has_value(), "{}: {}", statement.text, bound.error());
      if (auto* source = std::get_if<frontend::CreateSource>(&bound.value().body)) add(std::move(source->object), 0);
      if (auto* job = std::get_if<frontend::CreateJob>(&bound.value().body)) add(std::move(job->object), job->graph.table_count());
      if (auto* subscription = std::get_if<frontend::CreateSubscription>(&bound.value().body)) add(std::move(subscription->object), 0);
    }
  }

  const pb::CatalogObject* find(std::string_view schema, std::string_view name) const override {
    for (const auto& [id, object] : objects_) {
      if (object.schema() == schema && object.name() == name) return &object;
    }
    return nullptr;
  }
  const pb::CatalogObject* find(uint32_t id) const override {
    const auto found = objects_.find(id);
    return found == objects_.end() ? nullptr : &found->second;
  }
  std::vector<const pb::CatalogObject*> objects() const override {
    std::vector<const pb::CatalogObject*> all;
    for (const auto& [id, object] : objects_) all.push_back(&object);
    return all;
  }
  bool has_schema(std::string_view schema) const override { return schema == "public"; }
  const frontend::SystemRelation* find_system(std::string_view schema, std::string_view name) const override {
    return schema == "pg_catalog" && name == jobs_.name ? &jobs_ : nullptr;
  }
  std::optional<uint32_t> database_id(std::string_view name) const override {
    return name == "dev" ? std::optional<uint32_t>(1) : name == "other" ? std::optional<uint32_t>(2) : std::nullopt;
  }

  frontend::SessionSettings settings{
      .version = "PostgreSQL 15 (Penstock)", .now_micros = 1'436'918'400'000'000, .variables = {{"timezone", "UTC"}}};

 private:
  void add(pb::CatalogObject object, uint32_t tables) {
    object.set_id(next_id_++);
    if (object.has_table()) object.mutable_table()->set_table_id(next_table_ + object.table().table_id());
    next_table_ += tables;
    objects_.emplace(object.id(), std::move(object));
  }

  std::map<uint32_t, pb::CatalogObject> objects_;
  uint32_t next_id_ = 1;
  uint32_t next_table_ = 1000;
  frontend::SystemRelation jobs_{"pg_catalog", "penstock_jobs", {{"id", data::TypeKind::Int32}, {"name", data::TypeKind::Varchar}}};
};

/// The relations of the tests.
inline constexpr std::string_view kFixture = R"(
CREATE SOURCE bid (auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time TIMESTAMP, extra VARCHAR)
  WITH (connector = 'nexmark', nexmark.table.type = 'Bid');
CREATE SOURCE auction (id BIGINT, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, reserve BIGINT, date_time TIMESTAMP,
                       expires TIMESTAMP, seller BIGINT, category BIGINT, extra VARCHAR)
  WITH (connector = 'nexmark', nexmark.table.type = 'Auction');
CREATE SOURCE person (id BIGINT, name VARCHAR, email_address VARCHAR, credit_card VARCHAR, city VARCHAR, state VARCHAR,
                      date_time TIMESTAMP, extra VARCHAR)
  WITH (connector = 'nexmark', nexmark.table.type = 'Person');
CREATE TABLE t (a INT, b BIGINT, c VARCHAR, d DOUBLE PRECISION);
CREATE TABLE airports (code VARCHAR PRIMARY KEY, city VARCHAR NOT NULL, altitude INT DEFAULT 0);
CREATE TABLE pairs (x INT, y INT, z VARCHAR, PRIMARY KEY (x, y));
CREATE MATERIALIZED VIEW per_c AS SELECT c, count(*) AS n, sum(b) AS total FROM t GROUP BY c;
CREATE MATERIALIZED VIEW whole AS SELECT count(*) AS n FROM t;
CREATE SINK drain FROM t WITH (connector = 'blackhole');
CREATE SUBSCRIPTION changes FROM per_c WITH (retention = '1 hour');
)";

}  // namespace penstock::testing
