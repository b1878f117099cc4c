// JSON lines, cut into rows and turned into values.
#include "connector/format/json_parser.h"
#include "fuzz/fuzz.h"
#include "fuzz/rows.h"

namespace penstock::connector {
namespace {

void read_json(std::string_view text) { fuzzed::parse(JsonParser(fuzzed::kColumns, fuzzed::kOutput), text); }

std::vector<std::string> json_seeds() {
  return {R"({"a": 1, "b": "text \u00e9 \"q\"", "c": "2020-01-01", "d": 1.25, "e": true, "f": 1e10, "g": "1 day"})"
          "\n",
          R"({"b": {"nested": [1, 2, {"x": null}]}, "a": null, "z": "passed over"})"
          "\n\n{}\n",
          R"({"a": "not a number", "e": "t", "f": "NaN"})"};
}

const fuzz::Register kJson({"json", read_json, json_seeds});

}  // namespace
}  // namespace penstock::connector
