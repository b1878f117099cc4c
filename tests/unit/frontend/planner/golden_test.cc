// Statements and what comes of them: files of golden/, each a list of
//     SQL, on any number of lines
//     ----
//     plan, or other result, or error
//     (an empty line)
// PENSTOCK_UPDATE_GOLDEN=1 writes what comes out now; read the difference before you commit it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "unit/frontend/deep_stack.h"
#include "unit/frontend/fixture_catalog.h"
#include "unit/frontend/planner/describe.h"

namespace penstock::frontend {
namespace {

namespace fs = std::filesystem;
const fs::path kFolder = "tests/unit/frontend/planner/golden";

struct Entry {
  std::string sql;
  std::string expected;
};

std::vector<Entry> read_entries(const fs::path& path) {
  std::vector<Entry> entries;
  std::ifstream file(path);
  std::string line;
  bool in_result = false;
  Entry entry;
  const auto finish = [&] {
    if (!entry.sql.empty()) entries.push_back(std::move(entry));
    entry = {};
    in_result = false;
  };
  while (std::getline(file, line)) {
    if (in_result && line.empty()) {
      finish();
    } else if (line == "----") {
      in_result = true;
    } else if (in_result) {
      entry.expected += line + "\n";
    } else if (!line.empty()) {
      entry.sql += line + "\n";
    }
  }
  finish();
  return entries;
}

class Golden : public ::testing::TestWithParam<fs::path> {};

TEST_P(Golden, statements_give_what_is_written) {
  const bool update = std::getenv("PENSTOCK_UPDATE_GOLDEN") != nullptr;
  std::ostringstream rewritten;
  testing::on_deep_stack([&] {
    const testing::FixtureCatalog catalog(testing::kFixture);
    for (const Entry& entry : read_entries(GetParam())) {
      const std::string actual = testing::describe_sql(entry.sql.substr(0, entry.sql.size() - 1), catalog);
      rewritten << entry.sql << "----\n" << actual << "\n";
      if (!update) EXPECT_EQ(actual, entry.expected) << entry.sql;
    }
  });
  if (update) std::ofstream(GetParam()) << rewritten.str();
}

std::vector<fs::path> golden_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kFolder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(All, Golden, ::testing::ValuesIn(golden_files()), [](const auto& info) { return info.param.stem().string(); });

}  // namespace
}  // namespace penstock::frontend
