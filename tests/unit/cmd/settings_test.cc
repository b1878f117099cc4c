#include "cmd/settings.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>

namespace penstock::cmd {
namespace {

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() : settings_(app_, "playground") {
    settings_.add("sql-port", port_, "port");
    settings_.add("data-dir", data_dir_, "folder");
    settings_.add("quiet", quiet_, "less");
    path_ = std::filesystem::temp_directory_path() /
            fmt::format("penstock-settings-{}.toml", ::testing::UnitTest::GetInstance()->random_seed());
  }
  ~SettingsTest() override { std::filesystem::remove(path_); }

  std::string load(std::string_view toml, std::vector<std::string> args = {}) {
    std::ofstream(path_) << toml;
    args.insert(args.end(), {"--config", path_.string()});
    std::ranges::reverse(args);
    app_.parse(args);
    const Status status = settings_.load();
    if (status.has_value()) return "ok";
    std::string message = status.error().message();
    return message.substr(message.find(".toml:") + 6);
  }

  CLI::App app_;
  Settings settings_;
  uint32_t port_ = 4566;
  std::string data_dir_;
  bool quiet_ = false;
  std::filesystem::path path_;
};

TEST_F(SettingsTest, come_from_the_file) {
  EXPECT_EQ(load("[playground]\nsql_port = 5000\ndata_dir = \"d\"\nquiet = true\n"), "ok");
  EXPECT_EQ(port_, 5000U);
  EXPECT_EQ(data_dir_, "d");
  EXPECT_TRUE(quiet_);
}

TEST_F(SettingsTest, on_the_command_line_win) {
  EXPECT_EQ(load("[playground]\nsql_port = 5000\n", {"--sql-port", "6000"}), "ok");
  EXPECT_EQ(port_, 6000U);
}

TEST_F(SettingsTest, name_the_nearest_known_key_for_an_unknown_one) {
  EXPECT_EQ(load("[playground]\nsql_prot = 5000\n"), "2:12: unknown setting 'sql_prot' in [playground]; did you mean 'sql_port'?");
  EXPECT_EQ(load("[playgruond]\n"), "1:1: unknown section [playgruond]; did you mean 'playground'?");
}

TEST_F(SettingsTest, must_have_the_right_type_and_range) {
  EXPECT_EQ(load("[playground]\nsql_port = \"x\"\n"), "2:12: sql_port must be a NUMBER");
  EXPECT_EQ(load("[playground]\nsql_port = -1\n"), "2:12: sql_port -1 is out of range");
}

TEST_F(SettingsTest, of_other_sections_are_left_alone) { EXPECT_EQ(load("[meta]\nwhatever = 1\n"), "ok"); }

}  // namespace
}  // namespace penstock::cmd
