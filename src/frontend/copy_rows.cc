#include "frontend/copy_rows.h"

#include <algorithm>

#include "connector/format/row_parser.h"

namespace penstock::frontend {
namespace {

constexpr size_t kMostInput = 64 << 20;  // of one row

bool is_octal(char c) { return c >= '0' && c <= '7'; }
int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/// Where the first byte stands that begins no character of UTF-8; the size if there is none. Zero bytes are none.
size_t first_bad_byte(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
    const auto follows = [&](size_t at, unsigned low = 0x80, unsigned high = 0xBF) { return byte(at) >= low && byte(at) <= high; };
    const unsigned c = byte(i);
    if (c > 0 && c < 0x80) {
      ++i;
    } else if (c >= 0xC2 && c < 0xE0 && follows(i + 1)) {
      i += 2;
    } else if (c >= 0xE0 && c < 0xF0 && follows(i + 1, c == 0xE0 ? 0xA0 : 0x80, c == 0xED ? 0x9F : 0xBF) && follows(i + 2)) {
      i += 3;
    } else if (c >= 0xF0 && c < 0xF5 && follows(i + 1, c == 0xF0 ? 0x90 : 0x80, c == 0xF4 ? 0x8F : 0xBF) && follows(i + 2) &&
               follows(i + 3)) {
      i += 4;
    } else {
      return i;
    }
  }
  return text.size();
}

}  // namespace

CopyRows::CopyRows(ast::CopyFormat format, data::Schema columns)
    : format_(std::move(format)), columns_(std::move(columns)), header_(format_.header) {}

Error CopyRows::at_line(Code code, std::string message) const {
  return Error(code, std::move(message)).with_context(fmt::format("COPY, line {}", line_));
}

Status CopyRows::add(std::string_view bytes) {
  input_ += bytes;
  return cut_rows(false);
}

Status CopyRows::finish() {
  PENSTOCK_TRY(cut_rows(true));
  return flush();
}

std::vector<data::DataChunk> CopyRows::take() { return std::exchange(ready_, {}); }

Status CopyRows::cut_rows(bool final) {
  size_t at = 0;
  while (!ended_ && at < input_.size()) {
    size_t used = 0;
    const size_t values = values_.size();
    ++line_;
    const std::string_view rest = std::string_view(input_).substr(at);
    PENSTOCK_TRY(const Cut cut, format_.csv ? cut_csv(rest, final, used) : cut_text(rest, final, used));
    if (cut == Cut::NeedMore) {
      --line_;
      values_.resize(values);
      fields_.resize(row_fields_);
      if (rest.size() > kMostInput) return at_line(Code::ConfigurationLimit, fmt::format("a row of more than {} bytes", kMostInput));
      break;
    }
    at += used;
    ended_ = cut == Cut::End;
    if (ended_) break;
    PENSTOCK_TRY(end_row());
  }
  input_.erase(0, ended_ ? input_.size() : at);
  return ok();
}

Result<CopyRows::Cut> CopyRows::cut_text(std::string_view rest, bool final, size_t& used) {
  const size_t stop = rest.find('\n');
  if (stop == std::string_view::npos && !final) return Cut::NeedMore;
  used = std::min(stop, rest.size() - 1) + 1;
  std::string_view line = rest.substr(0, std::min(stop, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line == "\\.") return Cut::End;
  for (size_t begin = 0;;) {
    size_t end = begin;
    while (end < line.size() && line[end] != format_.delimiter) end += line[end] == '\\' ? 2 : 1;
    end = std::min(end, line.size());
    const std::string_view raw = line.substr(begin, end - begin);
    const size_t value = values_.size();
    const bool null = raw == format_.null;
    if (!null) unescape(raw);
    end_field(value, null);
    if (end == line.size()) return Cut::Row;
    begin = end + 1;
  }
}

void CopyRows::unescape(std::string_view raw) {
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 == raw.size()) {
      values_ += raw[i];
      continue;
    }
    const char c = raw[++i];
    static constexpr std::string_view kFrom = "bfnrtv", kTo = "\b\f\n\r\t\v";
    if (const size_t known = kFrom.find(c); known != std::string_view::npos) {
      values_ += kTo[known];
    } else if (is_octal(c)) {
      int value = c - '0';
      for (int digits = 1; digits < 3 && i + 1 < raw.size() && is_octal(raw[i + 1]); ++digits) value = value * 8 + (raw[++i] - '0');
      values_ += static_cast<char>(value);
    } else if (c == 'x' && i + 1 < raw.size() && hex(raw[i + 1]) >= 0) {
      int value = hex(raw[++i]);
      if (i + 1 < raw.size() && hex(raw[i + 1]) >= 0) value = value * 16 + hex(raw[++i]);
      values_ += static_cast<char>(value);
    } else {
      values_ += c;
    }
  }
}

Result<CopyRows::Cut> CopyRows::cut_csv(std::string_view rest, bool final, size_t& used) {
  size_t i = 0;
  bool any_quoted = false;
  for (;;) {
    const size_t value = values_.size();
    bool quoted = false, in_quotes = false;
    for (; i < rest.size(); ++i) {
      const char c = rest[i];
      if (in_quotes) {
        const bool escapes = c == format_.escape && i + 1 < rest.size() && (rest[i + 1] == format_.quote || rest[i + 1] == format_.escape);
        if (c == format_.escape && i + 1 == rest.size() && !final) return Cut::NeedMore;
        if (escapes) {
          values_ += rest[++i];
        } else if (c == format_.quote) {
          in_quotes = false;
        } else {
          values_ += c;
        }
      } else if (c == format_.quote) {
        in_quotes = quoted = any_quoted = true;
      } else if (c == format_.delimiter || c == '\n') {
        break;
      } else {
        values_ += c;
      }
    }
    const bool at_end = i == rest.size();
    if (at_end && !final) return Cut::NeedMore;
    if (in_quotes) return at_line(Code::InvalidText, "unterminated CSV quoted field");
    const bool line_end = at_end || rest[i] == '\n';
    if (line_end && i > 0 && rest[i - 1] == '\r' && values_.size() > value)
      values_.pop_back();  // outside of quotes, or it would end in one
    const std::string_view text = std::string_view(values_).substr(value);
    if (line_end && !any_quoted && fields_.size() == row_fields_ && text == "\\.") {
      values_.resize(value);
      return Cut::End;
    }
    const bool null = !quoted && text == format_.null;
    end_field(value, null);
    if (at_end) {
      used = i;
      return Cut::Row;
    }
    ++i;
    if (line_end) {
      used = i;
      return Cut::Row;
    }
  }
}

Status CopyRows::end_row() {
  if (std::exchange(header_, false)) {
    fields_.resize(row_fields_);
    return ok();
  }
  const size_t count = fields_.size() - row_fields_;
  if (count > columns_.size()) return at_line(Code::InvalidText, "extra data after last expected column");
  if (count < columns_.size()) return at_line(Code::InvalidText, fmt::format("missing data for column \"{}\"", columns_[count].name));
  const std::string_view text = std::string_view(values_).substr(count == 0 ? values_.size() : fields_[row_fields_].begin);
  if (const size_t bad = first_bad_byte(text); bad < text.size()) {
    return at_line(Code::InvalidText,
                   fmt::format("invalid byte sequence for encoding \"UTF8\": 0x{:02x}", static_cast<unsigned char>(text[bad])));
  }
  row_fields_ = fields_.size();
  lines_.push_back(line_);
  return lines_.size() < data::kChunkRows ? ok() : flush();
}

Status CopyRows::flush() {
  if (lines_.empty()) return ok();
  const auto text = std::make_shared<const std::string>(std::exchange(values_, {}));  // shared by the columns made of it
  connector::FieldBatch batch(columns_.size());
  for (const Field& field : fields_) {
    batch.fields.push_back(field.null ? std::string_view() : std::string_view(text->data() + field.begin, field.end - field.begin));
  }
  batch.ends.resize(lines_.size());
  std::vector<data::Column> columns = connector::convert_fields(batch, columns_.fields, {text});
  if (!batch.bad.empty()) {
    const auto first = std::ranges::min_element(batch.bad, {}, &connector::FieldBatch::Bad::row);
    line_ = lines_[first->row];
    return at_line(Code::InvalidText, first->what);
  }
  rows_ += lines_.size();
  ready_.emplace_back(std::move(columns), lines_.size());
  lines_.clear();
  fields_.clear();
  row_fields_ = 0;
  return ok();
}

}  // namespace penstock::frontend
