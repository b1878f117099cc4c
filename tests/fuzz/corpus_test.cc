// Every target over its seeds and mutations of them: what a fuzzer does, but short and always the same.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "fuzz/fuzz.h"

namespace penstock::fuzz {
namespace {

constexpr int kMutations = 3000;

std::string mutate(std::string bytes, const std::vector<std::string>& seeds, std::mt19937_64& random) {
  for (uint64_t n = 1 + random() % 4; n > 0; --n) {
    const size_t at = bytes.empty() ? 0 : random() % bytes.size();
    switch (random() % 7) {
      case 0:
        if (!bytes.empty()) bytes[at] = static_cast<char>(bytes[at] ^ (1U << (random() % 8)));
        break;
      case 1:
        if (!bytes.empty()) bytes[at] = std::string_view("\0\xff\x7f\x80\1\"\n", 7)[random() % 7];
        break;
      case 2:
        bytes.insert(at, random() % 9, static_cast<char>(random()));
        break;
      case 3:
        bytes.erase(at, random() % 9);
        break;
      case 4:
        bytes.resize(at);
        break;
      case 5:  // a length that is too large
        for (size_t i = 0; i < 4 && at + i < bytes.size(); ++i) bytes[at + i] = static_cast<char>(0xff);
        break;
      default: {
        const std::string& other = seeds[random() % seeds.size()];
        const size_t from = other.empty() ? 0 : random() % other.size();
        bytes = bytes.substr(0, at) + other.substr(from);
      }
    }
  }
  return bytes;
}

class Fuzz : public ::testing::TestWithParam<Target> {};

TEST_P(Fuzz, survives_good_bytes_and_bad_ones) {
  const Target& target = GetParam();
  const std::vector<std::string> seeds = target.seeds();
  // For a fuzzer to begin with.
  if (const char* folder = std::getenv("PENSTOCK_WRITE_SEEDS"); folder != nullptr) {
    const std::filesystem::path own = std::filesystem::path(folder) / target.name;
    std::filesystem::create_directories(own);
    for (size_t i = 0; i < seeds.size(); ++i) std::ofstream(own / std::to_string(i), std::ios::binary) << seeds[i];
  }
  target.run("");
  for (const std::string& seed : seeds) {
    target.run(seed);
    for (size_t size = 0; size < std::min<size_t>(seed.size(), 300); ++size) target.run(std::string_view(seed).substr(0, size));
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < kMutations; ++i) target.run(mutate(seeds[random() % seeds.size()], seeds, random));
}

INSTANTIATE_TEST_SUITE_P(Bytes, Fuzz, ::testing::ValuesIn(targets()), [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace penstock::fuzz
