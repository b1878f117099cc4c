#include "connector/posix_fs/posix_fs.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>

#include "connector/source/split_reader.h"

namespace penstock::connector {
namespace {

namespace fs = std::filesystem;

class PosixFs : public ::testing::Test {
 protected:
  PosixFs() : folder_(fs::temp_directory_path() / fmt::format("penstock-posix-fs-{}", getpid())) { fs::create_directories(folder_); }
  ~PosixFs() override { fs::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) { std::ofstream(folder_ / name, std::ios::binary) << text; }

  SourceSpec spec(std::map<std::string, std::string> more = {}, std::string encode = "CSV") {
    SourceSpec s{.name = "t",
                 .properties = {{"connector", "posix_fs"}, {"posix_fs.root", folder_.string()}},
                 .format = "PLAIN",
                 .encode = std::move(encode),
                 .columns = {{{"id", data::TypeKind::Int64}, {"name", data::TypeKind::Varchar}, {"at", data::TypeKind::Timestamp}}}};
    for (auto& [key, value] : more) s.properties[key] = value;
    return s;
  }

  // All rows as "id name at;", from one position; "." is NULL.
  std::string read(const SourceSpec& source, SplitPosition position, size_t at_once = 1000, SplitPosition* last = nullptr) {
    auto reader = open_split(source, position, {0, 1, 2}).value();
    std::string out;
    for (;;) {
      data::DataChunk chunk;
      auto state = reader->next(at_once, chunk);
      if (state.has_error()) return out + "error: " + place(state.error());
      if (state.value() == SplitReader::State::NeedRead) {
        if (const Status done = reader->read_blocking(); done.has_error()) return out + "error: " + place(done.error());
        continue;
      }
      if (state.value() != SplitReader::State::Rows) break;
      for (size_t i = 0; i < chunk.rows(); ++i) {
        for (size_t c = 0; c < 3; ++c) {
          const data::Datum value = chunk.column(c).datum(i);
          out += (c == 0 ? "" : " ") + (data::is_null(value) ? "." : data::to_text(value, chunk.column(c).type()));
        }
        out += ';';
      }
    }
    if (reader->skipped() > 0) out += fmt::format("skipped {}: {}", reader->skipped(), place(Error(Code::Internal, reader->last_error())));
    if (last != nullptr) *last = reader->position();
    return out;
  }
  std::string read_first(const SourceSpec& source, size_t at_once = 1000) {
    return read(source, list_splits(source).value().at(0), at_once);
  }

  std::string place(const Error& e) const {
    std::string text = e.message();
    if (const size_t at = text.find(folder_.string() + "/"); at != std::string::npos) text.erase(at, folder_.string().size() + 1);
    return text;
  }

  fs::path folder_;
};

constexpr std::string_view kSmall =
    "id,name,at\n"
    "1,a,2001-01-01 00:00:01\n"
    "2,\"b, \"\"quoted\"\"\nin two lines\",2001-01-31T23:59:59.5\r\n"
    "\n"
    "3,,\n"
    "4,\"\",2001-02-28 12:00:00";

constexpr std::string_view kSmallRows =
    "1 a 2001-01-01 00:00:01;2 b, \"quoted\"\nin two lines 2001-01-31 23:59:59.5;3 . .;4  2001-02-28 12:00:00;";

TEST_F(PosixFs, reads_csv_with_quotes_nulls_and_empty_lines) {
  write("a.csv", kSmall);
  EXPECT_EQ(read_first(spec()), kSmallRows);
  EXPECT_EQ(read_first(spec(), 1), kSmallRows);
}

TEST_F(PosixFs, finds_columns_by_the_header) {
  write("a.csv", "more,at,id,name\nx,2001-01-01 00:00:00,7,n\n");
  EXPECT_EQ(read_first(spec()), "7 n 2001-01-01 00:00:00;");
  write("a.csv", "id,at\n1,2001-01-01 00:00:00\n");
  EXPECT_EQ(read_first(spec()), "error: column \"name\" is not in the file's header (id, at)");
}

TEST_F(PosixFs, takes_columns_in_order_without_a_header) {
  write("a.csv", "1;x;2001-01-01 00:00:00\n");
  EXPECT_EQ(read_first(spec({{"encode.without_header", "true"}, {"encode.delimiter", ";"}})), "1 x 2001-01-01 00:00:00;");
}

TEST_F(PosixFs, says_which_row_is_broken_and_stops) {
  write("a.csv", "id,name,at\n1,a,2001-01-01 00:00:01\nx,b,2001-01-01 00:00:02\n");
  EXPECT_EQ(read_first(spec()), "error: file a.csv, row 2: column id: invalid input syntax for type bigint: \"x\"");
  write("a.csv", "id,name,at\n1,a\n");
  EXPECT_EQ(read_first(spec()), "error: file a.csv, row 1: 2 fields where 3 are expected");
  write("a.csv", "id,name,at\n1,\"a,2001-01-01 00:00:01\n");
  EXPECT_EQ(read_first(spec()), "error: file a.csv, row 1: a quoted field never ends");
  write("a.csv", "id,name,at\n1,\"a\"b,2001-01-01 00:00:01\n");
  EXPECT_EQ(read_first(spec()), "error: file a.csv, row 1: text after a closing quote");
  write("a.csv", "id,name,at\n1,\xff,2001-01-01 00:00:01\n");
  EXPECT_EQ(read_first(spec()), "error: file a.csv, row 1: column name: the text is not UTF-8");
}

TEST_F(PosixFs, passes_over_broken_rows_when_asked_to_and_counts_them) {
  write("a.csv", "id,name,at\n1,a,\nx,b,\n3,c,\n4\n5,e,\n");
  EXPECT_EQ(read_first(spec({{"on_error", "skip"}})), "1 a .;3 c .;5 e .;skipped 2: file a.csv, row 4: 1 fields where 3 are expected");
}

std::string many_rows(size_t count) {
  std::string text = "id,name,at\n";
  for (size_t i = 0; i < count; ++i) text += fmt::format("{},name-{},2001-01-01 00:00:{:02}\n", i, i * 7919, i % 60);
  return text;
}

std::string zstd_frames(std::string_view text, size_t frame) {
  std::string out;
  for (size_t at = 0; at < text.size(); at += frame) {
    const std::string_view part = text.substr(at, frame);
    std::string compressed(ZSTD_compressBound(part.size()), '\0');
    compressed.resize(ZSTD_compress(compressed.data(), compressed.size(), part.data(), part.size(), 1));
    out += compressed;
  }
  return out;
}

std::string gzip_members(std::string_view text, size_t member) {
  std::string out;
  for (size_t at = 0; at < text.size(); at += member) {
    const std::string_view part = text.substr(at, member);
    z_stream stream{};
    deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string compressed(deflateBound(&stream, part.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
    stream.avail_in = static_cast<uInt>(part.size());
    stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
    stream.avail_out = static_cast<uInt>(compressed.size());
    deflate(&stream, Z_FINISH);
    compressed.resize(stream.total_out);
    deflateEnd(&stream);
    out += compressed;
  }
  return out;
}

// Wherever reading stops, a reader opened at that position goes on with the very next row: across blocks and across compressed frames.
TEST_F(PosixFs, goes_on_from_any_position_also_inside_compressed_files) {
  const std::string text = many_rows(60'000);  // more than two blocks
  write("plain.csv", text);
  write("frames.csv.zst", zstd_frames(text, 300'001));
  write("one.csv.zst", zstd_frames(text, text.size()));
  write("members.csv.gz", gzip_members(text, 500'003));
  for (const std::string name : {"plain.csv", "frames.csv.zst", "one.csv.zst", "members.csv.gz"}) {
    const SourceSpec source = spec({{"match_pattern", name}});
    const SplitPosition split = list_splits(source).value().at(0);
    const std::string whole = read(source, split);
    ASSERT_EQ(std::ranges::count(whole, ';'), 60'000) << name;
    auto reader = open_split(source, split, {0}).value();
    size_t rows = 0;
    for (int step = 0;; ++step) {
      data::DataChunk chunk;
      const auto state = reader->next(3'001, chunk).value();
      if (state == SplitReader::State::NeedRead) ASSERT_TRUE(reader->read_blocking().has_value());
      if (state == SplitReader::State::Finished) break;
      if (state != SplitReader::State::Rows) continue;
      rows += chunk.rows();
      if (step % 5 != 0 && rows != 60'000) continue;
      const SplitPosition here = reader->position();
      EXPECT_EQ(here.rows, rows);
      const std::string rest = read(source, here);
      ASSERT_EQ(rest, whole.substr(whole.size() - rest.size())) << name << " after " << rows;
      ASSERT_EQ(std::ranges::count(rest, ';'), static_cast<ptrdiff_t>(60'000 - rows)) << name;
    }
  }
}

TEST_F(PosixFs, a_file_that_was_changed_is_an_error) {
  write("a.csv", kSmall);
  const SplitPosition split = list_splits(spec()).value().at(0);
  write("a.csv", "id,name,at\n9,other,\n");
  EXPECT_TRUE(read(spec(), split).starts_with("error: file a.csv is not the file that was read before: "));
  fs::remove(folder_ / "a.csv");
  EXPECT_TRUE(read(spec(), split).starts_with("error: cannot read file a.csv: "));
  EXPECT_TRUE(read(spec({{"on_error", "skip"}}), split).starts_with("skipped 1: cannot read file a.csv: "));
}

TEST_F(PosixFs, broken_compression_is_an_error) {
  std::string bytes = zstd_frames(many_rows(1000), 5'000'000);
  write("a.csv.zst", bytes.substr(0, bytes.size() / 2));
  EXPECT_TRUE(read_first(spec()).ends_with("error: file a.csv.zst ends inside a compressed frame")) << read_first(spec());
  bytes.replace(30, 40, 40, 'x');
  write("a.csv.zst", bytes);
  EXPECT_NE(read_first(spec()).find("error: file a.csv.zst is no sound zstd: "), std::string::npos);
}

TEST_F(PosixFs, a_followed_file_may_grow) {
  write("a.csv", "id,name,at\n1,a,\n2,b");  // the last line is not whole yet
  const SourceSpec source = spec({{"posix_fs.follow", "true"}});
  EXPECT_FALSE(is_finite(source));
  auto reader = open_split(source, list_splits(source).value().at(0), {0, 1, 2}).value();
  data::DataChunk chunk;
  const auto next = [&] {
    SplitReader::State state;
    while ((state = reader->next(10, chunk).value()) == SplitReader::State::NeedRead) EXPECT_TRUE(reader->read_blocking().has_value());
    return state;
  };
  EXPECT_EQ(next(), SplitReader::State::Rows);
  EXPECT_EQ(chunk.rows(), 1U);
  EXPECT_EQ(next(), SplitReader::State::Idle);
  EXPECT_EQ(next(), SplitReader::State::Idle);
  std::ofstream(folder_ / "a.csv", std::ios::app) << "b,\n3,c,\n";
  EXPECT_EQ(next(), SplitReader::State::Rows);
  EXPECT_EQ(chunk.rows(), 2U);
  EXPECT_EQ(std::get<std::string>(chunk.column(1).datum(0)), "bb");
}

TEST_F(PosixFs, reads_json_lines) {
  write("a.json",
        "{\"id\": 1, \"name\": \"a\\n\\u00e9\", \"at\": \"2001-01-01 00:00:01\", \"more\": [1, {}]}\n"
        "\n"
        "{\"name\": {\"x\": [1, 2]}, \"id\": null}\n"
        "{\"id\": 12345678901234567890}\n"
        "{\"id\": 4,\n"
        "[1]\n"
        "{\"id\": 5} 6\n"
        "{\"id\": 6, \"name\": true}");
  EXPECT_EQ(read_first(spec({{"on_error", "skip"}}, "JSON")),
            "1 a\n\xc3\xa9 2001-01-01 00:00:01;. {\"x\": [1, 2]} .;6 true .;skipped 4: file a.json, row 6: no sound JSON object: "
            "JSON document ended early in the middle of an object or array.");
}

TEST_F(PosixFs, lists_files_that_match_in_order_and_names_a_folder_without_any) {
  for (const std::string name : {"b.csv", "a.csv", "c.txt"}) write(name, "id,name,at\n");
  const auto splits = list_splits(spec({{"match_pattern", "*.csv"}})).value();
  ASSERT_EQ(splits.size(), 2U);
  EXPECT_TRUE(splits[0].id.ends_with("/a.csv") && splits[1].id.ends_with("/b.csv"));
  EXPECT_TRUE(list_splits(spec({{"match_pattern", "x*"}})).error().message().ends_with("matches 'x*'"));
  EXPECT_EQ(list_splits(spec({{"posix_fs.root", "/nonexistent"}})).error().message(),
            "cannot list folder /nonexistent: No such file or directory");
}

TEST_F(PosixFs, refuses_options_that_make_no_sense) {
  EXPECT_EQ(validate_source(spec({{"match_patern", "x"}})).error().message(), "unknown option match_patern; did you mean 'match_pattern'?");
  EXPECT_EQ(validate_source(spec({{"encode.delimiter", ",,"}})).error().message(),
            "option delimiter = ',,': must be one character, not a quote or line end");
  EXPECT_EQ(validate_source(spec({{"on_error", "ignore"}})).error().message(), "option on_error = 'ignore': must be one of fail, skip");
  EXPECT_EQ(validate_source(spec({}, "AVRO")).error().message(), "ENCODE AVRO is not supported; CSV and JSON are");
}

}  // namespace
}  // namespace penstock::connector
