#include "expr/letter_case.h"

#include <clocale>
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

template <char kFirst, unsigned char kFlip>
bool map_ascii(std::string_view text, char* out) {
  unsigned char all = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    all |= c;
    out[i] = static_cast<char>(static_cast<unsigned char>(c - kFirst) < 26 ? c ^ kFlip : c);
  }
  return all < 0x80;
}

template <typename Map>
size_t map_chars(std::string_view text, char* out, Map&& map) {
  size_t size = 0;
  while (!text.empty()) {
    const std::string_view c = first_char(text);
    const bool valid = static_cast<unsigned char>(c[0]) < 0x80 || c.size() > 1;
    if (valid) {
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

}  // namespace

size_t to_lower_case(std::string_view text, char* out) {
  if (map_ascii<'A', 0x20>(text, out)) return text.size();
  return map_chars(text, out, lower_any);
}

size_t to_upper_case(std::string_view text, char* out) {
  if (map_ascii<'a', 0x20>(text, out)) return text.size();
  return map_chars(text, out, upper_any);
}

size_t to_title_case(std::string_view text, char* out) {
  bool in_word = false;
  return map_chars(text, out, [&](uint32_t code) {
    const uint32_t mapped = in_word ? lower_any(code) : upper_any(code);
    in_word = is_word_code(code);
    return mapped;
  });
}

}  // namespace penstock::expr
