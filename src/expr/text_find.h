#pragma once

#include <cstring>
#include <string_view>

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace penstock::expr {

/// Searching in texts of some tens of bytes, where the library's calls cost more than the search. Never reads beyond the text.

#ifdef __AVX2__

/// As `text.find(part)`. Blocks of 32 places are tested by the first and the last byte of `part` at once.
/// (Wojciech Muła, "SIMD-friendly algorithms for substring searching".)
[[nodiscard]] inline size_t find_text(std::string_view text, std::string_view part) {
  if (part.size() < 2) return part.empty() ? 0 : text.find(part.front());
  const size_t span = part.size() - 1;
  const __m256i first = _mm256_set1_epi8(part.front());
  const __m256i last = _mm256_set1_epi8(part.back());
  size_t at = 0;
  for (; at + span + 32 <= text.size(); at += 32) {
    const char* const here = text.data() + at;
    const __m256i a = _mm256_cmpeq_epi8(first, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(here)));
    const __m256i b = _mm256_cmpeq_epi8(last, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(here + span)));
    for (auto hits = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_and_si256(a, b))); hits != 0; hits &= hits - 1) {
      const auto hit = static_cast<size_t>(__builtin_ctz(hits));
      if (std::memcmp(here + hit, part.data(), part.size()) == 0) return at + hit;
    }
  }
  const size_t rest = text.substr(at).find(part);
  return rest == std::string_view::npos ? rest : at + rest;
}

/// Calls `f(position)` for each byte that is `c`, ascending, until it answers false.
template <typename F>
void for_each_byte(std::string_view text, char c, F&& f) {
  const __m256i wanted = _mm256_set1_epi8(c);
  size_t at = 0;
  for (; at + 32 <= text.size(); at += 32) {
    const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + at));
    for (auto hits = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(wanted, block))); hits != 0; hits &= hits - 1) {
      if (!f(at + static_cast<size_t>(__builtin_ctz(hits)))) return;
    }
  }
  for (; at < text.size(); ++at) {
    if (text[at] == c && !f(at)) return;
  }
}

#else

[[nodiscard]] inline size_t find_text(std::string_view text, std::string_view part) { return text.find(part); }

template <typename F>
void for_each_byte(std::string_view text, char c, F&& f) {
  for (size_t at = 0; (at = text.find(c, at)) != std::string_view::npos; ++at) {
    if (!f(at)) return;
  }
}

#endif

}  // namespace penstock::expr
