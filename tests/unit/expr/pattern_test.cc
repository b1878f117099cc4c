#include <random>

#include "expr/like_pattern.h"
#include "unit/expr/expr_text.h"

namespace penstock::expr::testing {
namespace {

TEST(Like, knows_percent_underscore_and_escape) {
  run_table(R"(
    like('hello', 'hello')                 => t
    like('hello', 'hell')                  => f
    like('hello', 'he%')                   => t
    like('hello', '%lo')                   => t
    like('hello', '%ell%')                 => t
    like('hello', '%')                     => t
    like('', '%')                          => t
    like('', '')                           => t
    like('', '_')                          => f
    like('hello', 'h_llo')                 => t
    like('hello', '_____')                 => t
    like('hello', '____')                  => f
    like('hello', 'h%o')                   => t
    like('hello', 'h%l%o')                 => t
    like('hello', 'h%x%o')                 => f
    like('hello', '%l_')                   => t
    like('hello', '_%_')                   => t
    like('aXbXc', '%X_X%')                 => t
    like('abab', 'ab%ab')                  => t
    like('aba', 'ab%ba')                   => f
    like('größe', 'gr__e')                 => t
    like('größe', '%_ße')                  => t
    like('10%', '10\%')                    => t
    like('100', '10\%')                    => f
    like('a_b', 'a\_b')                    => t
    like('axb', 'a\_b')                    => f
    like('a\b', 'a\\b')                    => t
    like('10%', '10!%', '!')               => t
    like('10\0', '10\_', '')               => t
    like('%%', '%%%', '%')                 => error 22023 LIKE pattern must not end with escape character
    like('a', 'b', 'xx')                   => error 22023 invalid escape string
    not_like('hello', 'he%')               => f
    not_like('hello', 'x%')                => t
    like(null, '%')                        => NULL
    like('x', null)                        => NULL
    like('a text that does not fit into its view', '%not fit%view') => t
  )");
}

TEST(Like, ignores_case_on_demand) {
  run_table(R"(
    ilike('Hello', 'hE%')                  => t
    ilike('Hello', '%LL%')                 => t
    ilike('GRÖSSE', 'grö%')                => t
    not_ilike('Hello', 'hello')            => f
    ilike('Hello', 'h_LLO')                => t
  )");
}

// The definition, by recursion, over bytes.
bool slow_like(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') return slow_like(text, pattern.substr(1)) || (!text.empty() && slow_like(text.substr(1), pattern));
  return !text.empty() && (pattern[0] == '_' || pattern[0] == text[0]) && slow_like(text.substr(1), pattern.substr(1));
}

TEST(Like, agrees_with_its_definition_on_random_patterns) {
  std::mt19937 random(1);
  const auto make = [&](std::string_view alphabet, size_t most) {
    std::string out;
    for (size_t i = random() % (most + 1); i > 0; --i) out += alphabet[random() % alphabet.size()];
    return out;
  };
  for (int i = 0; i < 50'000; ++i) {
    const std::string text = make("ab", 8);
    const std::string pattern = make("ab%%_", 7);
    ASSERT_EQ(LikePattern::compile(pattern, "\\").value().matches(text), slow_like(text, pattern)) << text << " like " << pattern;
  }
}

TEST(Regex, matches_counts_and_extracts) {
  run_table(R"(
    regexp_like('hello', 'l+')             => t
    regexp_like('hello', '^l')             => f
    regexp_like('Hello', 'hello', 'i')     => t
    regexp_ilike('Hello', 'HEL')           => t
    not_regexp_like('hello', 'x')          => t
    not_regexp_ilike('Hello', 'HEL')       => f
    regexp_count('banana', 'an')           => 2
    regexp_count('banana', 'an', 3)        => 1
    regexp_count('abc', '')                => 4
    regexp_substr('foobarbequebaz', 'b[^b]+') => bar
    regexp_substr('hello', 'x')            => NULL
    regexp_substr('a1b22c333', '[0-9]+', 1, 2) => 22
    regexp_substr('a1b22c333', '[0-9]+', 4) => 22
    regexp_substr('key=value', '(\w+)=(\w+)', 1, 1, '', 2) => value
    regexp_substr('ab', 'a|ab')            => ab
    substring('foobar', 'o(.)b')           => o
    substring('foobar', 'o.b')             => oob
    substring('foobar', 'x')               => NULL
    regexp_like(null, 'x')                 => NULL
    regexp_substr('https://x/item.htm?query=1&channel_id=4711', '(&|^)channel_id=([^&]*)', 1, 1, '', 2) => 4711
    regexp_substr('x', 'x', 0)             => error 22023 invalid value for parameter "start": 0
    regexp_like('x', 'x', 'z')             => error 22023 invalid regular expression option: "z"
  )");
  EXPECT_EQ(build(parse("regexp_like('x', '(')").value(), {}).error().code(), Code::InvalidParameter);
}

TEST(Regex, replaces_with_groups) {
  run_table(R"(
    regexp_replace('foobarbaz', 'b..', 'X')          => fooXbaz
    regexp_replace('foobarbaz', 'b..', 'X', 'g')     => fooXX
    regexp_replace('foobarbaz', 'b(..)', 'X\1Y', 'g') => fooXarYXazY
    regexp_replace('hello', 'l', '[\&]')             => he[l]lo
    regexp_replace('hello', 'x', 'y')                => hello
    regexp_replace('abc', '', '-', 'g')              => -a-b-c-
    regexp_replace('Hello', 'h', 'j', 'i')           => jello
    regexp_replace('a\b', '\\', '/')                => a/b
  )");
}

}  // namespace
}  // namespace penstock::expr::testing
