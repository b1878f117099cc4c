#include "expr/regex.h"

#include "expr/text_find.h"

namespace penstock::expr {

namespace {

struct RegexFlags {
  bool ignore_case = false;
  bool all = false;
  bool lines = false;  // ^ and $ at lines, and `.` stops at their end
};

Result<RegexFlags> parse_flags(std::string_view text) {
  RegexFlags out;
  for (const char c : text) {
    switch (c) {
      case 'i':
        out.ignore_case = true;
        break;
      case 'c':
        out.ignore_case = false;
        break;
      case 'g':
        out.all = true;
        break;
      case 'n':
      case 'm':
        out.lines = true;
        break;
      case 's':
        out.lines = false;
        break;
      default:
        return error(Code::InvalidParameter, "invalid regular expression option: \"{}\"", c);
    }
  }
  return out;
}

// Postgres takes the longest of the leftmost matches, unless the pattern has quantifiers that are not greedy: those Perl's rule serves
// better.
Result<std::shared_ptr<const RE2>> compile_regex(std::string_view pattern, const RegexFlags& flags) {
  RE2::Options options(RE2::Quiet);
  options.set_case_sensitive(!flags.ignore_case);
  options.set_dot_nl(!flags.lines);
  bool lazy = false;
  for (const auto* const quantifier : {"*?", "+?", "??", "}?"}) lazy |= pattern.find(quantifier) != std::string_view::npos;
  options.set_longest_match(!lazy);
  auto regex = std::make_shared<const RE2>((flags.lines ? "(?m)" : "") + std::string(pattern), options);
  if (!regex->ok()) return error(Code::InvalidParameter, "invalid regular expression: {}", regex->error());
  return regex;
}

constexpr std::string_view kSpecial = "\\^$.|?*+()[]{}";
bool is_plain(char c) { return kSpecial.find(c) == std::string_view::npos; }
bool is_quantifier(std::string_view rest) { return !rest.empty() && std::string_view("?*+{").find(rest.front()) != std::string_view::npos; }

// A leading group of short alternatives, each plain text or ^, as in "(&|^)key=": the longest one's bytes. Moves `rest` behind it.
bool read_alternatives(std::string_view& rest, size_t& longest) {
  size_t length = 0;
  for (size_t i = rest.starts_with("(?:") ? 3 : 1; i < rest.size(); ++i) {
    const char c = rest[i];
    if (c == '|' || c == ')') {
      longest = std::max(longest, length);
      length = 0;
      if (c == '|') continue;
      rest.remove_prefix(i + 1);
      return !is_quantifier(rest);
    }
    if (c == '^') continue;
    if (!is_plain(c) || ++length > 8) return false;
  }
  return false;
}

// Whether an alternative outside of all groups, or a group that changes flags, makes the beginning optional.
bool is_one_sequence(std::string_view pattern) {
  int depth = 0;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      ++i;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
      i += pattern.substr(i + 1).starts_with("^") ? 2 : 1;  // what follows may be a ] that is meant
    } else if (c == '(') {
      if (pattern.substr(i + 1).starts_with("?") && !pattern.substr(i + 1).starts_with("?:")) return false;
      ++depth;
    } else if (c == ')') {
      --depth;
    } else if (c == '|' && depth == 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

RegexAnchor find_anchor(std::string_view pattern) {
  RegexAnchor out;
  if (!is_one_sequence(pattern)) return {};
  std::string_view rest = pattern;
  if (rest.starts_with("(") && !read_alternatives(rest, out.most_before)) return {};
  size_t length = 0;
  while (length < rest.size() && is_plain(rest[length])) ++length;
  if (is_quantifier(rest.substr(length))) length -= suffix_bytes(rest.substr(0, length), 1);
  if (length < 2) return {};
  out.literal = rest.substr(0, length);
  return out;
}

Status Regex::compile(std::string_view pattern, std::string_view flags) {
  if (compiled_ && pattern == pattern_ && flags == flags_) return ok();
  compiled_ = nullptr;
  PENSTOCK_TRY(RegexFlags parsed, parse_flags(flags));
  parsed.ignore_case |= ignore_case_;
  PENSTOCK_TRY(compiled_, compile_regex(pattern, parsed));
  all_ = parsed.all;
  anchor_ = parsed.ignore_case || parsed.lines ? RegexAnchor() : find_anchor(pattern);
  pattern_ = pattern;
  flags_ = flags;
  return ok();
}

bool Regex::match_at(std::string_view text, size_t at, RE2::Anchor anchor, std::span<re2::StringPiece> found) const {
  return compiled_->Match({text.data(), text.size()}, at, text.size(), anchor, found.data(), static_cast<int>(found.size()));
}

// With an anchor only the few places before each of its occurrences are tried, which is far cheaper than looking everywhere.
bool Regex::find(std::string_view text, size_t from, std::span<re2::StringPiece> found) const {
  if (anchor_.literal.empty()) return match_at(text, from, RE2::UNANCHORED, found);
  for (size_t at = from; at < text.size();) {
    const size_t hit = find_text(text.substr(at), anchor_.literal);
    if (hit == std::string_view::npos) return false;
    const size_t literal = at + hit;
    for (size_t begin = std::max(at, literal - std::min(literal, anchor_.most_before)); begin <= literal; ++begin) {
      if (match_at(text, begin, RE2::ANCHOR_START, found)) return true;
    }
    at = literal + 1;
  }
  return false;
}

}  // namespace penstock::expr
