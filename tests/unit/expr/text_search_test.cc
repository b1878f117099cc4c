#include "expr/text_find.h"

#include <gtest/gtest.h>

#include <random>

#include "expr/letter_case.h"
#include "expr/regex.h"

namespace penstock::expr {
namespace {

TEST(TextFind, agrees_with_the_library_at_every_length) {
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string text, part;
    for (size_t n = random() % 120; n > 0; --n) text += static_cast<char>('a' + random() % 3);
    for (size_t n = random() % 6; n > 0; --n) part += static_cast<char>('a' + random() % 3);
    // On the heap and exactly as long as it is, so that a sanitizer sees a read beyond it.
    const auto copy = std::make_unique<char[]>(text.size());
    std::copy(text.begin(), text.end(), copy.get());
    ASSERT_EQ(find_text({copy.get(), text.size()}, part), text.find(part)) << text << " " << part;
    std::vector<size_t> expected, got;
    for (size_t at = 0; at < text.size(); ++at) {
      if (text[at] == 'b') expected.push_back(at);
    }
    for_each_byte({copy.get(), text.size()}, 'b', [&](size_t at) { return got.push_back(at), true; });
    ASSERT_EQ(got, expected);
  }
}

TEST(LetterCase, changes_every_ascii_byte_at_every_place) {
  for (int c = 1; c < 128; ++c) {
    for (const size_t length : {1, 4, 5, 7, 8, 9, 12, 13, 20, 40}) {
      std::string text(length, '_');
      text[length / 2] = text[length - 1] = static_cast<char>(c);
      std::string lower = text, upper = text;
      for (const size_t at : {length / 2, length - 1}) {
        lower[at] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
        upper[at] = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
      }
      TextArena arena;
      ASSERT_EQ(to_lower_case(arena, data::Text(text)).view(), lower);
      ASSERT_EQ(to_upper_case(arena, data::Text(text)).view(), upper);
      std::string out(2 * length, '\0');
      ASSERT_EQ(out.substr(0, to_lower_case(text, out.data())), lower);
    }
  }
}

TEST(LetterCase, leaves_what_is_no_utf8_alone) {
  std::string out(20, '\0');
  const std::string broken =
      "A\xff\xc3"
      "B\x80";
  EXPECT_EQ(out.substr(0, to_lower_case(broken, out.data())),
            "a\xff\xc3"
            "b\x80");
}

TEST(RegexAnchor, is_found_only_where_every_match_must_have_it) {
  const auto anchor = [](std::string_view pattern) {
    const RegexAnchor found = find_anchor(pattern);
    return fmt::format("{} {}", found.literal, found.most_before);
  };
  EXPECT_EQ(anchor("(&|^)channel_id=([^&]*)"), "channel_id= 1");
  EXPECT_EQ(anchor("key=[0-9]+"), "key= 0");
  EXPECT_EQ(anchor("(?:abc|de)xyz"), "xyz 3");
  EXPECT_EQ(anchor("abc+"), "ab 0");
  EXPECT_EQ(anchor("ab?"), " 0");
  EXPECT_EQ(anchor("abc|def"), " 0");
  EXPECT_EQ(anchor("abc(d|e)"), "abc 0");
  EXPECT_EQ(anchor("(a|b)?xyz"), " 0");
  EXPECT_EQ(anchor("(?i)abc"), " 0");
  EXPECT_EQ(anchor("^abc"), " 0");
  EXPECT_EQ(anchor("abc[]|]d"), "abc 0");
  EXPECT_EQ(anchor("(a[b]|c)xyz"), " 0");
}

TEST(RegexAnchor, changes_no_match) {
  std::mt19937 random(5);
  for (const auto* const pattern : {"(&|^)ab([^&]*)", "(?:a|bb|)ab", "ab[ab]*&", "abb?a", "(b|ab)ab(a|b)"}) {
    ASSERT_FALSE(find_anchor(pattern).literal.empty()) << pattern;
    Regex regex(false);
    ASSERT_TRUE(regex.compile(pattern, "").has_value());
    RE2::Options options;
    options.set_longest_match(true);
    const RE2 plain(pattern, options);
    for (int i = 0; i < 3'000; ++i) {
      std::string text;
      for (size_t n = random() % 16; n > 0; --n) text += "ab&"[random() % 3];
      std::array<re2::StringPiece, 2> expected, got;
      const bool found = plain.Match(text, 0, text.size(), RE2::UNANCHORED, expected.data(), 2);
      ASSERT_EQ(regex.find(text, 0, got), found) << pattern << " in " << text;
      if (!found) continue;
      ASSERT_EQ(got[0].data(), expected[0].data()) << pattern << " in " << text;
      ASSERT_EQ(got[0].size(), expected[0].size()) << pattern << " in " << text;
      ASSERT_EQ(got[1], expected[1]) << pattern << " in " << text;
    }
  }
}

}  // namespace
}  // namespace penstock::expr
