#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "cmd/command.h"
#include "common/log.h"
#include "common/version.h"

namespace penstock::cmd {

int& exit_code() {
  static int code = 0;
  return code;
}

void finish(const Status& status) {
  if (status.has_value()) return;
  fmt::print(stderr, "penstock: {}\n", status.error());
  exit_code() = 1;
}

// What is free in the arena of one thread is of no use to the others. By default there are eight a core, and most threads here wait.
void share_arenas() {
#if defined(M_ARENA_MAX)
  constexpr int kPerCore = 2;
  const long cores = std::max(1L, sysconf(_SC_NPROCESSORS_ONLN));
  if (std::getenv("MALLOC_ARENA_MAX") == nullptr) mallopt(M_ARENA_MAX, kPerCore * static_cast<int>(cores));
#endif
}

}  // namespace penstock::cmd

int main(int argc, char** argv) {
  using namespace penstock;
  cmd::share_arenas();
  CLI::App app{
      "Penstock keeps SQL views fresh while data flows.\n\n"
      "Start here:  penstock playground     then connect with the psql line that it prints"};
  app.name("penstock");
  app.set_version_flag("--version", fmt::format("penstock {}", kVersion));
  app.require_subcommand(1);
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose, "Log more");
  app.parse_complete_callback([&] {
    if (verbose) log::set_level(log::Level::Debug);
  });
  cmd::add_playground(app);
  cmd::add_meta(app);
  cmd::add_compute(app);
  cmd::add_frontend(app);
  cmd::add_sql(app);
  cmd::add_ctl(app);
  cmd::add_nexmark(app);
  cmd::add_password(app);
  cmd::add_bench(app);
  cmd::add_simulate(app);
  CLI11_PARSE(app, argc, argv);
  return cmd::exit_code();
}
