#pragma once

#include "common/error.h"

namespace CLI {
class App;
}

namespace penstock::cmd {

/// Each subcommand adds itself to the command line; its callback runs it and leaves the process' exit code in `exit_code()`.
void add_playground(CLI::App& app);
void add_meta(CLI::App& app);
void add_compute(CLI::App& app);
void add_frontend(CLI::App& app);
void add_sql(CLI::App& app);
void add_nexmark(CLI::App& app);
void add_password(CLI::App& app);
void add_bench(CLI::App& app);
void add_ctl(CLI::App& app);
void add_simulate(CLI::App& app);

[[nodiscard]] int& exit_code();
/// Prints an error as "penstock: …" and sets the exit code to 1.
void finish(const Status& status);

}  // namespace penstock::cmd
