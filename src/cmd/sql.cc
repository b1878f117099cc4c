#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "cmd/command.h"
#include "cmd/settings.h"
#include "ctl/sql_client.h"

namespace penstock::cmd {
namespace {

struct Options {
  ctl::SqlOptions connection;
  std::string file, command;
  std::vector<std::string> set;
  bool json = false, csv = false;
};

std::string everything(std::istream& in) { return {std::istreambuf_iterator<char>(in), {}}; }

Status run(Options& options) {
  for (const std::string& assignment : options.set) {
    const size_t equals = assignment.find('=');
    if (equals == std::string::npos) return error(Code::InvalidParameter, "--set {}: must be NAME=VALUE", assignment);
    options.connection.variables[assignment.substr(0, equals)] = assignment.substr(equals + 1);
  }
  if (options.json) options.connection.format = ctl::RowFormat::Json;
  if (options.csv) options.connection.format = ctl::RowFormat::Csv;
  if (!options.command.empty()) return ctl::run_sql(options.connection, "command", options.command);
  if (options.file.empty()) return ctl::run_sql(options.connection, "standard input", everything(std::cin));
  std::ifstream file(options.file);
  if (!file) return error(Code::Io, "cannot read {}", options.file);
  return ctl::run_sql(options.connection, options.file, everything(file));
}

}  // namespace

void add_sql(CLI::App& app) {
  auto* command = app.add_subcommand("sql", "Run SQL on a server: a file, a command, or standard input");
  const auto options = std::make_shared<Options>();
  const auto settings = std::make_shared<Settings>(*command, "sql");
  settings->add("host", options->connection.host, "Host of the server");
  settings->add("port", options->connection.port, "Its SQL port");
  settings->add("database", options->connection.database, "Database");
  settings->add("user", options->connection.user, "User");
  settings->add("json", options->json, "Print rows as JSON, one object a line");
  settings->add("csv", options->csv, "Print rows as CSV");
  command->add_option("-f,--file", options->file, "File of statements")->type_name("FILE");
  command->add_option("-c,--command", options->command, "Statements")->type_name("SQL")->excludes("--file");
  command->add_option("--set", options->set, "Variable for :name and :'name' in the SQL, as psql's")->type_name("NAME=VALUE");
  command->callback([=] {
    Status loaded = settings->load();
    finish(loaded.has_error() ? loaded : run(*options));
  });
}

}  // namespace penstock::cmd
