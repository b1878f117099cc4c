#include "unit/expr/expr_text.h"

namespace penstock::expr::testing {
namespace {

TEST(Text, changes_case_beyond_ascii) {
  run_table(R"(
    lower('HeLLo WORLD 42')                => hello world 42
    upper('HeLLo world 42')                => HELLO WORLD 42
    lower('A TEXT THAT DOES NOT FIT INTO ITS VIEW') => a text that does not fit into its view
    lower('ÄÖÜ ÉCOLE')                     => äöü école
    upper('straße ñandú')                  => STRAßE ÑANDÚ
    upper('ΣΊΣΥΦΟΣ σίσυφος')                => ΣΊΣΥΦΟΣ ΣΊΣΥΦΟΣ
    lower('')                              => ""
    initcap('hello wORLD, it''s 2nd')      => Hello World, It'S 2nd
    initcap('élan vital')                  => Élan Vital
    lower(null)                            => NULL
  )");
}

TEST(Text, counts_characters_and_bytes) {
  run_table(R"(
    length('hello')                        => 5
    length('')                             => 0
    length('größe')                        => 5
    char_length('日本語')                   => 3
    character_length('a😀b')                => 3
    octet_length('größe')                  => 7
    bit_length('ab')                       => 16
    ascii('A')                             => 65
    ascii('')                              => 0
    ascii('é')                             => 233
    ascii('😀')                            => 128512
    chr(65)                                => A
    chr(233)                               => é
    chr(128512)                            => 😀
    chr(0)                                 => error 22023 null character not permitted
    length(null::varchar)                  => NULL
  )");
}

TEST(Text, takes_pieces_by_character) {
  run_table(R"(
    substr('hello', 2)                     => ello
    substr('hello', 2, 3)                  => ell
    substring('hello', 0, 3)               => he
    substring('hello', -2, 5)              => he
    substring('hello', -5, 2)              => ""
    substr('hello', 10)                    => ""
    substr('hello', 3, 0)                  => ""
    substr('hello', 2, 2147483647)         => ello
    substr('hello', 2, -1)                 => error 22023 negative substring length not allowed
    substr('größe', 3, 2)                  => öß
    substr('a text that does not fit into its view', 3, 20) => text that does not f
    left('hello', 2)                       => he
    left('hello', -2)                      => hel
    left('hello', 10)                      => hello
    left('hello', -10)                     => ""
    left('日本語', 2)                       => 日本
    right('hello', 2)                      => lo
    right('hello', -2)                     => llo
    right('hello', 10)                     => hello
    right('日本語', -1)                     => 本語
    substr(null, 1)                        => NULL
    substr('x', null)                      => NULL
  )");
}

TEST(Text, trims_sets_of_characters) {
  run_table(R"(
    trim('  hello  ')                      => hello
    btrim('xxhixyx', 'xy')                 => hi
    ltrim('  hello')                       => hello
    ltrim('zzzytest', 'xyz')               => test
    rtrim('testxxzx', 'xyz')               => test
    rtrim('hello   ')                      => hello
    btrim('ééabcé', 'é')                   => abc
    btrim('   ')                           => ""
    btrim('abc', '')                       => abc
    btrim('日x本', '本日')                  => x
  )");
}

TEST(Text, pads_repeats_and_reverses) {
  run_table(R"(
    lpad('hi', 5)                          => "   hi"
    lpad('hi', 5, 'xy')                    => xyxhi
    lpad('hello', 2)                       => he
    lpad('hi', 5, '')                      => hi
    lpad('hi', -1)                         => ""
    rpad('hi', 5, 'xy')                    => hixyx
    rpad('hello', 2, 'x')                  => he
    lpad('日', 4, 'äö')                     => äöä日
    rpad('a text that does not fit', 30, '.') => a text that does not fit......
    repeat('ab', 3)                        => ababab
    repeat('ab', 0)                        => ""
    repeat('ab', -1)                       => ""
    repeat('', 2147483647)                 => ""
    reverse('hello')                       => olleh
    reverse('größe')                       => eßörg
    overlay('Txxxxas', 'hom', 2, 4)        => Thomas
    overlay('abcdef', '45', 4)             => abc45f
    repeat('ab', 100000000)                => error 54001 requested length too large
    lpad('x', 2000000000)                  => error 54001 requested length too large
  )");
}

TEST(Text, joins) {
  run_table(R"(
    concat_op('a', 'b')                    => ab
    concat_op('a', 1)                      => a1
    concat_op(1.5, 'x')                    => 1.5x
    concat_op('x', true)                   => xtrue
    concat_op('a', null)                   => NULL
    concat_op('a text that does', ' not fit into its view') => a text that does not fit into its view
    concat_op(1, 2)                        => error 42883 operator does not exist: integer || integer
    concat('a', 1, null, 2.5, true)        => a12.5t
    concat(null, null)                     => ""
    concat('2020-01-01'::date, ' ', '1 day'::interval) => 2020-01-01 1 day
    concat_ws(', ', 'a', null, 'b', 3)     => a, b, 3
    concat_ws(',', null)                   => ""
    concat_ws(null, 'a', 'b')              => NULL
  )");
}

TEST(Text, digests_and_digits) {
  run_table(R"(
    md5('')                                => d41d8cd98f00b204e9800998ecf8427e
    md5('hello')                           => 5d41402abc4b2a76b9719d911017c592
    to_hex(255)                            => ff
    to_hex(-1)                             => ffffffff
    to_hex(4294967296)                     => 100000000
  )");
}

TEST(Text, finds_and_replaces) {
  run_table(R"(
    position('hello', 'l')                 => 3
    strpos('hello', 'x')                   => 0
    strpos('hello', '')                    => 1
    strpos('größe', 'ße')                  => 4
    starts_with('hello', 'he')             => t
    starts_with('hello', '')               => t
    starts_with('he', 'hello')             => f
    replace('hello', 'l', 'LL')            => heLLLLo
    replace('hello', 'x', 'y')             => hello
    replace('hello', '', 'y')              => hello
    replace('aaa', 'aa', 'b')              => ba
    replace('a,b,c', ',', '')              => abc
    split_part('a/b/c', '/', 2)            => b
    split_part('a/b/c', '/', 4)            => ""
    split_part('a/b/c', '/', -1)           => c
    split_part('a/b/c', '/', -3)           => a
    split_part('a/b/c', '/', -4)           => ""
    split_part('a/b/c', '', 1)             => a/b/c
    split_part('a/b/c', '', 2)             => ""
    split_part('a--b--c', '--', 2)         => b
    split_part('abc', '/', 1)              => abc
    split_part('a/b', '/', 0)              => error 22023 field position must not be zero
    translate('12345', '143', 'ax')        => a2x5
    translate('größe', 'öß', 'os')         => grose
    translate('hello', '', 'x')            => hello
    split_part('https://www.nexmark.com/abc/def/ghi/item.htm?query=1', '/', 5) => def
  )");
}

TEST(Text, makes_results_that_outlive_their_arguments) {
  const std::vector<data::DataType> types = {data::TypeKind::Varchar};
  const auto built = build(parse("split_part(lower($0), '/', 2)", types).value(), types);
  data::Column result;
  {
    const auto chunk = data::chunk_from_table("T\n+ \"A/A PIECE THAT DOES NOT FIT INTO ITS VIEW/C\"\n+ .\n");
    RowErrors errors;
    result = built.value()->evaluate(chunk.data(), nullptr, errors);
  }
  EXPECT_EQ(std::get<std::string>(result.datum(0)), "a piece that does not fit into its view");
  EXPECT_TRUE(result.is_null(1));
}

}  // namespace
}  // namespace penstock::expr::testing
