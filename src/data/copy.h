#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace penstock::data {

/// memcpy for what is mostly short: no call, and no loop over bytes, up to 32 of them.
inline void copy_short(char* to, const char* from, size_t size) {
  const auto both_ends = [&]<typename Word>(Word first) {
    Word last;
    std::memcpy(&first, from, sizeof(Word));
    std::memcpy(&last, from + size - sizeof(Word), sizeof(Word));
    std::memcpy(to, &first, sizeof(Word));
    std::memcpy(to + size - sizeof(Word), &last, sizeof(Word));
  };
  struct Word16 {
    uint64_t words[2];
  };
  if (size > 32) {
    std::memcpy(to, from, size);
  } else if (size >= 16) {
    both_ends(Word16{});
  } else if (size >= 8) {
    both_ends(uint64_t{});
  } else if (size >= 4) {
    both_ends(uint32_t{});
  } else if (size >= 2) {
    both_ends(uint16_t{});
  } else if (size == 1) {
    *to = *from;
  }
}

}  // namespace penstock::data
