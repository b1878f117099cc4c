#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::testing {

/// The words of one script line.
using Words = std::vector<std::string>;

inline Words split_words(std::string_view line) {
  std::istringstream in{std::string(line)};
  Words words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

inline std::string join_words(const Words& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

/// Runs lines of `event => effects`. `apply` gets the words of the event and answers the text of its effects; white space does not
/// count. A line that begins with `|` goes on with the effects expected of the line before.
inline void run_script(std::string_view script, const std::function<std::string(const Words&)>& apply) {
  std::istringstream in{std::string(script)};
  std::string pending_event, expected;
  const auto finish = [&] {
    if (pending_event.empty()) return;
    EXPECT_EQ(join_words(split_words(apply(split_words(pending_event)))), join_words(split_words(expected))) << "after: " << pending_event;
    pending_event.clear();
  };
  for (std::string line; std::getline(in, line);) {
    const Words words = split_words(line);
    if (words.empty() || words[0][0] == '#') continue;
    if (words[0] == "|") {
      expected += " " + line.substr(line.find('|') + 1);
      continue;
    }
    finish();
    const size_t arrow = line.find("=>");
    pending_event = line.substr(0, arrow);
    expected = arrow == std::string::npos ? "" : line.substr(arrow + 2);
  }
  finish();
}

}  // namespace penstock::testing
