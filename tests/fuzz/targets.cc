#include "fuzz/fuzz.h"

namespace penstock::fuzz {

std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

}  // namespace penstock::fuzz
