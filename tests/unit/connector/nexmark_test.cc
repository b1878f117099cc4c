#include <gtest/gtest.h>

#include <chrono>

#include "connector/nexmark/generator.h"
#include "connector/source/split_reader.h"

namespace penstock::connector {
namespace {

uint64_t checksum(NexmarkGenerator::Options options, uint64_t events) {
  const NexmarkGenerator generator(options);
  uint64_t hash = 0xCBF29CE484222325;  // FNV-1a 64
  for (uint64_t n = 0; n < events; ++n) {
    for (const char c : generator.line(n)) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  }
  return hash;
}

// Figures of the reference generator (docs/nexmark.md).
TEST(Nexmark, makes_the_events_of_the_reference) {
  EXPECT_EQ(checksum({.seed = 0, .rate = 100'000}, 1000), 0xb9ef982cd78f7726);
  EXPECT_EQ(checksum({.seed = 7, .rate = 10'000}, 1000), 0xc051c7daa79fc76f);
  EXPECT_EQ(checksum({.seed = 0, .rate = 100'000}, 100'000), 0xea47646dc3f608ee);
  EXPECT_EQ(checksum({.seed = 0, .rate = 10'000}, 100'000), 0x49f0463107808cf9);
}

SourceSpec bids(std::map<std::string, std::string> more) {
  SourceSpec spec{.name = "bid",
                  .properties = {{"connector", "nexmark"}, {"nexmark.table.type", "Bid"}},
                  .columns = NexmarkGenerator::schema(NexmarkKind::Bid)};
  spec.properties.merge(more);
  return spec;
}

std::vector<int64_t> times_of(const SourceSpec& spec, SplitPosition position, size_t at_once) {
  std::vector<int64_t> times;
  auto reader = open_split(spec, position, {5});
  EXPECT_TRUE(reader.has_value());
  data::DataChunk chunk;
  while (reader.value()->next(at_once, chunk).value() == SplitReader::State::Rows) {
    for (size_t i = 0; i < chunk.rows(); ++i) times.push_back(chunk.column(0).value<int64_t>(i));
  }
  EXPECT_TRUE(reader.value()->position().finished);
  return times;
}

TEST(Nexmark, any_number_of_splits_gives_the_same_events) {
  std::vector<int64_t> one = times_of(bids({{"nexmark.event.num", "5000"}}), {.id = "0"}, 100);
  EXPECT_EQ(one.size(), 4600U);
  const SourceSpec three = bids({{"nexmark.event.num", "5000"}, {"nexmark.split.num", "3"}});
  std::vector<int64_t> all;
  const auto splits = list_splits(three).value();
  for (const SplitPosition& split : splits) {
    const auto part = times_of(three, split, 77);
    all.insert(all.end(), part.begin(), part.end());
  }
  std::ranges::sort(all);
  EXPECT_EQ(all, one);
}

TEST(Nexmark, goes_on_from_any_position) {
  const SourceSpec spec = bids({{"nexmark.event.num", "2000"}});
  const auto whole = times_of(spec, {.id = "0"}, 100);
  auto reader = open_split(spec, {.id = "0"}, {5}).value();
  data::DataChunk chunk;
  size_t read = 0;
  while (reader->next(333, chunk).value() == SplitReader::State::Rows) {
    read += chunk.rows();
    const auto rest = times_of(spec, reader->position(), 100);
    EXPECT_EQ(rest, std::vector<int64_t>(whole.begin() + static_cast<ptrdiff_t>(read), whole.end()));
  }
}

TEST(Nexmark, refuses_options_that_make_no_sense) {
  const auto message = [](SourceSpec spec) { return validate_source(spec).error().message(); };
  EXPECT_EQ(message(bids({{"nexmark.event.nun", "5"}})), "unknown option nexmark.event.nun; did you mean 'nexmark.event.num'?");
  EXPECT_EQ(message(bids({{"nexmark.split.num", "0"}})), "option nexmark.split.num must be from 1 to 256");
  SourceSpec wrong = bids({});
  wrong.columns.fields[0].type = data::TypeKind::Varchar;
  EXPECT_EQ(message(wrong), "nexmark's column \"auction\" is bigint, not character varying");
  wrong.columns.fields[0].name = "nothing";
  EXPECT_EQ(message(wrong), "nexmark's bid has no column \"nothing\"");
}

TEST(Datagen, makes_the_same_rows_again_and_ends_with_its_sequence) {
  SourceSpec spec{.name = "d",
                  .properties = {{"connector", "datagen"},
                                 {"fields.id.kind", "sequence"},
                                 {"fields.id.start", "1"},
                                 {"fields.id.end", "10"},
                                 {"datagen.rows.per.second", "500"}},
                  .columns = {{{"id", data::TypeKind::Int64}, {"text", data::TypeKind::Varchar}}}};
  ASSERT_TRUE(validate_source(spec).has_value());
  EXPECT_TRUE(is_finite(spec));
  EXPECT_EQ(own_rate(spec), 500U);
  const auto rows_from = [&](const SplitPosition& position, size_t at_once) {
    auto reader = open_split(spec, position, {0, 1}).value();
    std::vector<data::Row> rows;
    data::DataChunk chunk;
    while (reader->next(at_once, chunk).value() == SplitReader::State::Rows) {
      for (size_t i = 0; i < chunk.rows(); ++i) rows.push_back(chunk.row(i));
    }
    return rows;
  };
  const auto all = rows_from({.id = "0"}, 3);
  EXPECT_EQ(all.size(), 10U);
  EXPECT_EQ(all, rows_from({.id = "0"}, 100));
  EXPECT_EQ(std::get<int64_t>(rows_from({.id = "0", .offset = "4"}, 1)[0][0]), 5);
}

}  // namespace
}  // namespace penstock::connector
