// One query, four plans, the same rows: the plan as bound, as optimized, and as a stream on three actors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "frontend/binder/query_binder.h"
#include "frontend/planner/batch_planner.h"
#include "frontend/planner/rules.h"
#include "frontend/planner/stream_planner.h"
#include "unit/frontend/fixture_catalog.h"
#include "unit/frontend/planner/evaluate.h"

namespace penstock::frontend {
namespace {

// Small domains, so that joins and groups find partners, and NULLs.
class RandomRows {
 public:
  explicit RandomRows(uint32_t seed) : random_(seed) {}

  data::DataChunk rows(const pb::CatalogObject& object, size_t count) {
    std::vector<data::DataType> types;
    for (const auto& c : object.columns()) types.push_back(type_of(c.type()));
    if (object.kind() == pb::OBJECT_SOURCE) types.emplace_back(data::TypeKind::Int64);
    data::StreamChunkBuilder builder(types, count);
    std::set<std::string> keys;
    for (size_t i = 0; i < count; ++i) {
      data::Row row;
      for (size_t c = 0; c < types.size(); ++c) {
        const bool id = c >= static_cast<size_t>(object.columns_size()) || object.columns(static_cast<int>(c)).hidden();
        const bool may_be_null = !id && std::count(object.stream_key().begin(), object.stream_key().end(), c) == 0;
        row.push_back(id ? data::Datum(static_cast<int64_t>(i)) : value(types[c].kind, may_be_null));
      }
      std::string key;
      for (const uint32_t c : object.stream_key()) key += data::to_text(row[c], types[c]) + "|";
      const bool keyed = object.kind() != pb::OBJECT_SOURCE;
      if (keyed && !keys.insert(key).second) continue;
      builder.append(data::Op::Insert, row);
    }
    return builder.finish().data();
  }

 private:
  int64_t below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  data::Datum value(data::TypeKind kind, bool may_be_null) {
    if (may_be_null && below(7) == 0) return {};
    switch (kind) {
      case data::TypeKind::Int32:
        return static_cast<int32_t>(below(6));
      case data::TypeKind::Int64:
        return below(6);
      case data::TypeKind::Float64:
        return static_cast<double>(below(6)) / 4;
      case data::TypeKind::Timestamp:
        return int64_t{1'436'918'400'000'000} + below(40) * 1'000'000;
      case data::TypeKind::Numeric:
        return data::Numeric::of(below(6));
      case data::TypeKind::Varchar:
        return std::string(1, static_cast<char>('a' + below(5)));
      default:
        PENSTOCK_CHECK(false, "no values of kind {}", static_cast<int>(kind));
    }
  }
  std::mt19937 random_;
};

class Equivalence : public ::testing::TestWithParam<const char*> {
 protected:
  Equivalence() : catalog_(testing::kFixture) {}

  testing::Tables tables(uint32_t seed) const {
    RandomRows random(seed);
    testing::Tables all;
    for (const auto* object : catalog_.objects()) {
      if (object->kind() != pb::OBJECT_SINK) all.emplace(object->name(), random.rows(*object, object->name() == "whole" ? 1 : 25));
    }
    return all;
  }

  logical::PlanPtr bound(std::string_view sql) {
    auto statements = parse(sql);
    PENSTOCK_CHECK(statements.has_value(), "{}: {}", sql, statements.error());
    Parameters none;
    ExprFactory factory(none);
    BindContext context{catalog_, catalog_.settings, factory, true, {}, {}, 0};
    auto query = QueryBinder(context).bind(std::get<ast::Query>(statements.value()[0].body));
    PENSTOCK_CHECK(query.has_value(), "{}: {}", sql, query.error());
    return std::move(query.value().plan);
  }

  testing::FixtureCatalog catalog_;
};

TEST_P(Equivalence, all_plans_of_a_query_give_the_same_rows) {
  const auto raw = plan_batch(*bound(GetParam()));
  const auto optimized = rules::optimize(bound(GetParam()));
  const size_t width = optimized->width();
  const auto batch = plan_batch(*optimized);
  pb::CatalogObject view;
  StreamPlanner planner(catalog_.settings, {});
  const auto graph = planner.plan_view(*optimized, std::vector<std::string>(width, "c"), view);
  ASSERT_TRUE(graph.has_value()) << graph.error().to_string();
  size_t rows = 0;
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    const auto data = tables(seed);
    const auto expected = testing::sorted_rows(testing::BatchEvaluator(data).run(*raw), width);
    rows += expected.size();
    EXPECT_THAT(testing::sorted_rows(testing::BatchEvaluator(data).run(*batch), width), expected) << "optimized, seed " << seed;
    EXPECT_THAT(testing::sorted_rows(testing::StreamEvaluator(graph.value(), data).run(), width), expected) << "stream, seed " << seed;
  }
  EXPECT_GT(rows, 0) << "a query without rows tests nothing";
}

constexpr const char* kPlain[] = {
    "SELECT a, b + 1 FROM t WHERE c > 'a' AND d > 0.5",
    "SELECT a, count(*), sum(b), min(d), avg(b) FROM t GROUP BY a",
    "SELECT count(*), sum(a) FROM t WHERE b > 2",
    "SELECT n + 1 FROM whole",
    "SELECT n, t.a FROM whole, t WHERE n > a",
    "SELECT c, count(*) FILTER (WHERE a > 1), count(DISTINCT a), sum(DISTINCT b) FROM t GROUP BY c HAVING count(*) > 1",
    "SELECT DISTINCT a, c FROM t",
    "SELECT x.a, y.b FROM t x JOIN t y ON x.a = y.a AND x.b < y.b",
    "SELECT x.a, y.b FROM t x JOIN t y ON x.a + 1 = y.a WHERE x.c = y.c AND x.d > 0.2",
    "SELECT x.a, y.b, p.z FROM t x, t y, pairs p WHERE x.c = p.z AND p.z = y.c AND x.b > 1",
    "SELECT t.a, airports.city, pairs.z FROM t, airports, pairs WHERE t.c = pairs.z AND airports.code = pairs.z",
    "SELECT q.c, count(*) FROM t JOIN per_c q ON t.c = q.c GROUP BY q.c",
    "SELECT q.c, count(*) FROM pairs p RIGHT JOIN per_c q ON p.z = q.c GROUP BY q.c",
    "SELECT p.x, q.n, q.c FROM pairs p LEFT JOIN per_c q ON p.z = q.c",
    "SELECT p.x, q.n, q.c FROM pairs p LEFT JOIN per_c q ON p.z = q.c AND p.x > 2 AND q.n < 4 WHERE p.y > 1",
    "SELECT p.x, q.n FROM pairs p RIGHT JOIN per_c q ON p.z = q.c AND p.x > 2 WHERE q.n > 1",
    "SELECT p.x, q.n FROM pairs p LEFT JOIN per_c q ON p.z = q.c WHERE q.n IS NULL OR p.x = 1",
    "SELECT * FROM pairs FULL JOIN airports ON z = code WHERE x > 1 OR altitude > 1",
    "SELECT p.x, p.y, q.c FROM pairs p LEFT JOIN per_c q ON p.z = q.c AND p.x > 2",
    "SELECT p.x, q.n, q.c FROM pairs p RIGHT JOIN per_c q ON p.z = q.c AND q.n > 2",
    "SELECT p.x, p.y, q.c FROM pairs p FULL JOIN per_c q ON p.z = q.c AND q.n > 2 AND p.x > 1",
    "SELECT z, count(*) FROM pairs FULL JOIN airports ON z = code GROUP BY z",
    "SELECT code, max(x) FROM pairs RIGHT JOIN airports ON z = code GROUP BY code",
    "SELECT x, z, n FROM pairs JOIN (SELECT c AS z, n FROM per_c) q USING (z)",
    "SELECT z, x, altitude FROM pairs FULL JOIN (SELECT code AS z, altitude FROM airports) q USING (z)",
    "SELECT a, c FROM t UNION ALL SELECT x, z FROM pairs UNION ALL SELECT altitude, city FROM airports",
    "SELECT k, count(*) FROM (SELECT a AS k FROM t UNION ALL SELECT x FROM pairs) u WHERE k > 1 GROUP BY k",
    "SELECT c FROM t UNION SELECT code FROM airports",
    "SELECT count(*) FROM (SELECT a FROM t UNION ALL SELECT altitude FROM airports) u",
    "SELECT q.c, p.x FROM (SELECT c, max(b) AS m FROM t GROUP BY c) q JOIN (SELECT c, x FROM per_c JOIN pairs ON c = z) p ON q.c = p.c",
};

constexpr const char* kOverStreams[] = {
    "SELECT a.price, b.bidder FROM bid a JOIN bid b ON a.auction = b.auction WHERE a.price > 2",
    "SELECT auction, bidder, price, channel FROM bid WHERE auction % 2 = 0",
    "SELECT P.name, A.id FROM auction A JOIN person P ON A.seller = P.id WHERE A.category = 1 AND P.state IN ('a', 'b')",
    "SELECT Q.category, AVG(Q.final) FROM (SELECT MAX(B.price) AS final, A.category FROM auction A, bid B WHERE A.id = B.auction "
    "AND B.date_time BETWEEN A.date_time AND A.expires GROUP BY A.id, A.category) Q GROUP BY Q.category",
    "SELECT l.auction, l.num FROM (SELECT auction, count(*) AS num, window_start AS s FROM HOP(bid, date_time, INTERVAL '2' SECOND, "
    "INTERVAL '10' SECOND) GROUP BY window_start, auction) l JOIN (SELECT max(num) AS top, s FROM (SELECT count(*) AS num, window_start AS "
    "s "
    "FROM HOP(bid, date_time, INTERVAL '2' SECOND, INTERVAL '10' SECOND) GROUP BY auction, window_start) i GROUP BY s) r ON l.s = r.s AND "
    "l.num >= r.top",
    "SELECT B.auction, B.price FROM bid B JOIN (SELECT MAX(price) AS m, window_end AS e FROM TUMBLE(bid, date_time, INTERVAL '10' SECOND) "
    "GROUP BY window_end) B1 ON B.price = B1.m WHERE B.date_time BETWEEN B1.e - INTERVAL '10' SECOND AND B1.e",
    "SELECT P.id, P.s FROM (SELECT id, name, window_start AS s FROM TUMBLE(person, date_time, INTERVAL '10' SECOND) GROUP BY id, name, "
    "window_start) P JOIN (SELECT seller, window_start AS s FROM TUMBLE(auction, date_time, INTERVAL '10' SECOND) GROUP BY seller, "
    "window_start) A ON P.id = A.seller AND P.s = A.s",
    "SELECT window_start, window_end, a.id FROM HOP(auction, expires, INTERVAL '3' SECOND, INTERVAL '7' SECOND) a WHERE window_end > "
    "'2015-07-15 00:00:10' AND category < 4",
};

constexpr const char* kShared[] = {
    "WITH m AS (SELECT auction AS a, max(price) AS p FROM bid GROUP BY auction) SELECT x.a, y.p FROM m x JOIN m y ON x.a = y.a",
    "WITH m AS (SELECT auction, max(price) AS p FROM bid GROUP BY auction) SELECT x.p, y.p FROM m x JOIN m y ON x.p = y.auction",
    "WITH m AS (SELECT c, count(*) AS n FROM t GROUP BY c) SELECT m.c, m.n, o.n FROM m JOIN m o ON m.n = o.n",
    "SELECT a, b FROM t WHERE c IN (SELECT z FROM pairs WHERE x > 1) AND b > 1",
    "SELECT a, b + 1 FROM t WHERE b + 1 IN (SELECT x FROM pairs) AND a IN (SELECT altitude FROM airports)",
    "SELECT c, sum(b) FROM t WHERE a IN (SELECT a FROM t GROUP BY a HAVING count(*) > 3) GROUP BY c",
    "SELECT a, b FROM t WHERE b > (SELECT avg(b) FROM t)",
    "SELECT a, (SELECT max(x) FROM pairs) - a, (SELECT 7) FROM t WHERE d >= (SELECT min(d) FROM t WHERE a = 1)",
    "SELECT count(*) FROM t WHERE b < (SELECT max(y) FROM pairs)",
    "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM pairs WHERE x = 1) OR a > 4",
    "SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM pairs WHERE x = 100)",
    "SELECT x, count(*) FROM (SELECT DISTINCT x, z FROM pairs) d GROUP BY x",
    "SELECT x, y, count(*) FROM pairs GROUP BY x, y",
    "SELECT y + 1 AS k, sum(x) FROM pairs GROUP BY k",
    "SELECT max(n) FROM (SELECT c, count(*) AS n FROM t GROUP BY c) q",
    "SELECT s.m, t.a FROM (SELECT max(b) AS m FROM t) s, t WHERE t.b = s.m",
    "SELECT a.n, b.n FROM (SELECT count(*) AS n FROM t) a, (SELECT count(*) AS n FROM pairs) b",
    "SELECT CASE WHEN a > 2 THEN 'big' ELSE c END AS k, count(*) FROM t WHERE a IS NOT NULL GROUP BY k",
};

INSTANTIATE_TEST_SUITE_P(Plain, Equivalence, ::testing::ValuesIn(kPlain));
INSTANTIATE_TEST_SUITE_P(OverStreams, Equivalence, ::testing::ValuesIn(kOverStreams));
INSTANTIATE_TEST_SUITE_P(SharedAndSubqueries, Equivalence, ::testing::ValuesIn(kShared));

}  // namespace
}  // namespace penstock::frontend
