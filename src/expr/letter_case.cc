#include "expr/letter_case.h"

#include <array>
#include <clocale>
#include <cstring>
#include <cwctype>

#include "expr/utf8.h"

namespace penstock::expr {

namespace {

// Never freed: it lives as long as the process. Null where the system has no such locale: then only ASCII has cases.
locale_t unicode_locale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

uint32_t lower_code(uint32_t code) {
  if (unicode_locale() == nullptr) return code;
  return static_cast<uint32_t>(towlower_l(static_cast<wint_t>(code), unicode_locale()));
}
uint32_t upper_code(uint32_t code) {
  if (unicode_locale() == nullptr) return code;
  return static_cast<uint32_t>(towupper_l(static_cast<wint_t>(code), unicode_locale()));
}
bool is_word_code(uint32_t code) {
  if (code < 0x80 || unicode_locale() == nullptr) return (code | 0x20) - 'a' < 26 || code - '0' < 10;
  return iswalnum_l(static_cast<wint_t>(code), unicode_locale()) != 0;
}

// Flips the case of the bytes from kFirst to kFirst + 25, eight at once; `x` must be ASCII. Each byte is compared by an addition that
// carries into its top bit.
template <char kFirst>
uint64_t flip_eight(uint64_t x) {
  constexpr uint64_t kEach = 0x0101010101010101;
  const uint64_t from = x + kEach * (0x80 - kFirst);
  const uint64_t beyond = x + kEach * (0x80 - kFirst - 26);
  return x ^ ((from & ~beyond & kEach * 0x80) >> 2);
}

constexpr uint64_t kTops = 0x8080808080808080;

// False if the text is not all ASCII; then what was written means nothing. The last eight bytes are done at once too, some of them twice.
template <char kFirst>
bool map_ascii(std::string_view text, char* out) {
  uint64_t all = 0;
  const auto map_at = [&](size_t at) {
    uint64_t x;
    std::memcpy(&x, text.data() + at, 8);
    all |= x;
    x = flip_eight<kFirst>(x & ~kTops);
    std::memcpy(out + at, &x, 8);
  };
  if (text.size() < 8) {
    for (size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      all |= c;
      out[i] = static_cast<char>(static_cast<unsigned char>(c - kFirst) < 26 ? c ^ 0x20 : c);
    }
    return (all & kTops) == 0;
  }
  for (size_t i = 0; i + 8 <= text.size(); i += 8) map_at(i);
  map_at(text.size() - 8);
  return (all & kTops) == 0;
}

// A text that lies in its view is mapped there: the bytes beyond its end are zeros, which no mapping touches.
template <char kFirst>
bool map_inline(data::Text& text) {
  std::array<uint64_t, 2> words;
  static_assert(sizeof(words) == sizeof(text) && data::Text::kInline == 12);
  std::memcpy(words.data(), &text, sizeof(words));
  const uint64_t head = words[0] >> 32 << 32;  // the size stands before the first four bytes
  if (((head | words[1]) & kTops) != 0) return false;
  words[0] = (words[0] & 0xffffffff) | flip_eight<kFirst>(head);
  words[1] = flip_eight<kFirst>(words[1]);
  std::memcpy(static_cast<void*>(&text), words.data(), sizeof(words));
  return true;
}

template <typename Map>
size_t map_chars(std::string_view text, char* out, Map&& map) {
  size_t size = 0;
  while (!text.empty()) {
    const bool ascii = static_cast<unsigned char>(text[0]) < 0x80;
    const std::string_view c = ascii ? text.substr(0, 1) : first_char(text);
    if (ascii || c.size() > 1) {
      size += encode_char(map(decode_char(c)), out + size);
    } else {
      out[size++] = c[0];  // a stray byte stays what it is
    }
    text.remove_prefix(c.size());
  }
  return size;
}

uint32_t lower_any(uint32_t code) { return code < 0x80 ? (code - 'A' < 26 ? code | 0x20 : code) : lower_code(code); }
uint32_t upper_any(uint32_t code) { return code < 0x80 ? (code - 'a' < 26 ? code & ~0x20U : code) : upper_code(code); }

template <char kFirst, uint32_t (*Map)(uint32_t)>
data::Text map_text(TextArena& arena, data::Text text) {
  if (text.is_inline() && map_inline<kFirst>(text)) return text;
  char* const out = arena.reserve(2 * size_t{text.size()});
  if (map_ascii<kFirst>(text.view(), out)) return arena.commit(text.size());
  return arena.commit(map_chars(text.view(), out, Map));
}

}  // namespace

data::Text to_lower_case(TextArena& arena, const data::Text& text) { return map_text<'A', lower_any>(arena, text); }
data::Text to_upper_case(TextArena& arena, const data::Text& text) { return map_text<'a', upper_any>(arena, text); }

size_t to_lower_case(std::string_view text, char* out) {
  if (map_ascii<'A'>(text, out)) return text.size();
  return map_chars(text, out, lower_any);
}

data::Text to_title_case(TextArena& arena, const data::Text& text) {
  bool in_word = false;
  const size_t size = map_chars(text.view(), arena.reserve(2 * size_t{text.size()}), [&](uint32_t code) {
    const uint32_t mapped = in_word ? lower_any(code) : upper_any(code);
    in_word = is_word_code(code);
    return mapped;
  });
  return arena.commit(size);
}

}  // namespace penstock::expr
