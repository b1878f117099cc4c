// Statements of the golden files, cut up and put together again: nothing may crash, every error has a place, every plan keeps its promises.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "unit/frontend/deep_stack.h"
#include "unit/frontend/fixture_catalog.h"
#include "unit/frontend/planner/check_graph.h"

namespace penstock::frontend {
namespace {

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const auto& file : std::filesystem::directory_iterator("tests/unit/frontend/planner/golden")) {
    std::ifstream in(file.path());
    std::string line, sql;
    bool result = false;
    while (std::getline(in, line)) {
      if (line == "----") {
        all.push_back(sql);
        result = true;
      } else if (line.empty() && result) {
        sql.clear();
        result = false;
      } else if (!result) {
        sql += line + "\n";
      }
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<std::string> words_of(const std::string& sql) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : sql) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (letter) {
      word += c;
      continue;
    }
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
    words.emplace_back(1, c);
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, uint32_t seed) : random_(seed) {
    for (const auto& sql : seeds) statements_.push_back(words_of(sql));
  }

  std::string next() {
    auto words = any_statement();
    for (size_t n = 1 + below(4); n > 0; --n) mutate(words);
    std::string sql;
    for (const auto& word : words) sql += word;
    if (below(8) == 0 && !sql.empty()) sql[below(sql.size())] = static_cast<char>(below(256));
    return sql;
  }

 private:
  size_t below(size_t n) { return random_() % n; }
  const std::vector<std::string>& any_statement() { return statements_[below(statements_.size())]; }

  void mutate(std::vector<std::string>& words) {
    if (words.empty()) return;
    const size_t at = below(words.size());
    const auto& other = any_statement();
    const size_t from = below(other.size()), count = std::min(1 + below(6), other.size() - from);
    const auto piece = std::vector<std::string>(other.begin() + static_cast<ptrdiff_t>(from), other.begin() + static_cast<ptrdiff_t>(from + count));
    switch (below(4)) {
      case 0: words.erase(words.begin() + static_cast<ptrdiff_t>(at)); break;
      case 1: words[at] = other[from]; break;
      case 2: words.insert(words.begin() + static_cast<ptrdiff_t>(at), piece.begin(), piece.end()); break;
      default: std::swap(words[at], words[below(words.size())]); break;
    }
  }

  std::mt19937 random_;
  std::vector<std::vector<std::string>> statements_;
};

// One character may be several bytes, so the number of bytes is a bound.
void expect_placed(const Error& e, const std::string& sql) {
  EXPECT_TRUE(e.position().has_value() && *e.position() >= 1 && *e.position() <= sql.size() + 1) << e.to_string() << "\n" << sql;
  EXPECT_NE(e.code(), Code::Internal) << e.to_string() << "\n" << sql;
}

void try_statement(const std::string& sql, const testing::FixtureCatalog& catalog, int& planned) {
  const auto statements = parse(sql);
  if (statements.has_error()) return expect_placed(statements.error(), sql);
  for (const auto& statement : statements.value()) {
    Parameters parameters;
    const auto bound = bind(statement, catalog, catalog.settings, parameters);
    if (bound.has_error()) {
      expect_placed(bound.error(), sql);
      continue;
    }
    ++planned;
    if (const auto* job = std::get_if<CreateJob>(&bound.value().body)) EXPECT_EQ(testing::GraphCheck(job->graph).run(), "") << sql;
  }
}

TEST(Fuzz, mutated_statements_give_plans_or_errors_with_a_place) {
  testing::on_deep_stack([] {
    const testing::FixtureCatalog catalog(testing::kFixture);
    const auto all = seeds();
    ASSERT_GT(all.size(), 100);
    int planned = 0;
    for (const auto& sql : all) {
      // EXPLAIN hides the graph; without it there is one to check.
      try_statement(sql.starts_with("EXPLAIN") ? sql.substr(sql.find("CREATE") == std::string::npos ? 0 : sql.find("CREATE")) : sql, catalog, planned);
    }
    const char* const rounds = std::getenv("PENSTOCK_FUZZ_ROUNDS");
    Mutator mutator(all, rounds == nullptr ? 1 : static_cast<uint32_t>(std::random_device()()));
    for (int i = rounds == nullptr ? 20'000 : std::atoi(rounds); i > 0; --i) try_statement(mutator.next(), catalog, planned);
    EXPECT_GT(planned, 500);
  });
}

}  // namespace
}  // namespace penstock::frontend
