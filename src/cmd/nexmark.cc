#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>

#include "cmd/command.h"
#include "connector/nexmark/generator.h"
#include "data/datum.h"

namespace penstock::cmd {
namespace {

using connector::NexmarkGenerator;
using connector::NexmarkKind;

struct Options {
  uint64_t events = 0, rate = 100'000, seed = 0;
  std::string format = "lines", csv;
};

void print_lines(const NexmarkGenerator& generator, uint64_t events) {
  for (uint64_t n = 0; n < events; ++n) fmt::print("{}", generator.line(n));
}

void print_checksum(const NexmarkGenerator& generator, uint64_t events) {
  uint64_t hash = 0xCBF29CE484222325;  // FNV-1a 64
  for (uint64_t n = 0; n < events; ++n) {
    for (const char c : generator.line(n)) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  }
  fmt::print("{:016x}\n", hash);
}

// Times stay microseconds since 1970, as the reference generator writes them; no text holds a comma or quote.
Status write_csv(const NexmarkGenerator& generator, uint64_t events, const std::string& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  std::array<std::ofstream, 3> files;
  constexpr std::string_view kNames[] = {"person", "auction", "bid"};
  for (size_t kind = 0; kind < 3; ++kind) {
    const std::string path = fmt::format("{}/{}.csv", folder, kNames[kind]);
    files[kind].open(path, std::ios::binary);
    if (!files[kind]) return error(Code::Io, "cannot write {}", path);
    std::vector<std::string> names;
    for (const data::Field& field : NexmarkGenerator::schema(static_cast<NexmarkKind>(kind)).fields) names.push_back(field.name);
    files[kind] << fmt::format("{}\r\n", fmt::join(names, ","));
  }
  for (uint64_t n = 0; n < events; ++n) {
    std::string line = generator.line(n).substr(2);
    std::ranges::replace(line, '|', ',');
    line.back() = '\r';
    files[static_cast<size_t>(NexmarkGenerator::kind(n))] << line << '\n';
  }
  for (std::ofstream& file : files) {
    if (!file.flush()) return error(Code::Io, "cannot write all of the files in {}; is the disk full?", folder);
  }
  return ok();
}

Status run(const Options& options) {
  const NexmarkGenerator generator({.seed = options.seed, .rate = options.rate});
  if (!options.csv.empty()) return write_csv(generator, options.events, options.csv);
  options.format == "lines" ? print_lines(generator, options.events) : print_checksum(generator, options.events);
  return ok();
}

}  // namespace

void add_nexmark(CLI::App& app) {
  auto* nexmark = app.add_subcommand("nexmark", "The Nexmark benchmark's events");
  nexmark->require_subcommand(1);
  auto* command = nexmark->add_subcommand("generate", "Print events, their checksum, or write them as CSV files");
  const auto options = std::make_shared<Options>();
  command->add_option("--events", options->events, "How many, of all kinds")->required();
  command->add_option("--rate", options->rate, "Events per second of event time")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Another seed, other events")->capture_default_str();
  command->add_option("--format", options->format, "lines or checksum")->check(CLI::IsMember({"lines", "checksum"}))->capture_default_str();
  command->add_option("--csv", options->csv, "Write person.csv, auction.csv and bid.csv into this folder")->type_name("DIR");
  command->callback([=] { finish(run(*options)); });
}

}  // namespace penstock::cmd
