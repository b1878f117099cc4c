#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// What takes bytes from outside, one file each: under the preset `fuzz` a libFuzzer binary `fuzz_NAME`, otherwise run by `fuzz_corpus`
/// over its seeds and a fixed number of mutations of them. A target returns, whatever the bytes are; sanitizers and checks find the rest.
namespace penstock::fuzz {

struct Target {
  std::string_view name;
  void (*run)(std::string_view bytes);
  /// Good inputs to begin with.
  std::vector<std::string> (*seeds)();
};

/// All that are linked into this binary.
[[nodiscard]] std::vector<Target>& targets();

struct Register {
  explicit Register(Target target) { targets().push_back(target); }
};

}  // namespace penstock::fuzz
