// CSV files, cut into rows and turned into values.
#include "connector/format/csv_parser.h"
#include "fuzz/fuzz.h"
#include "fuzz/rows.h"

namespace penstock::connector {
namespace {

void read_csv(std::string_view text) {
  fuzzed::parse(CsvParser({.delimiter = ',', .header = false}, fuzzed::kColumns, fuzzed::kOutput), text);
  CsvParser with_header({.delimiter = ';', .header = true}, fuzzed::kColumns, fuzzed::kOutput);
  const auto header = with_header.read_header(text);
  if (header.has_value()) fuzzed::parse(with_header, text.substr(std::min(header.value(), text.size())));
}

std::vector<std::string> csv_seeds() {
  return {"1,two,2020-01-01 00:00:00,1.5,t,0.5,1 day\n-7,\"quoted, with \"\"quotes\"\"\",,,,,\n",
          "a;b;c;d;e;f;g\r\n1;x;1999-12-31;99999999999999999999;f;1e300;00:00:01\r\n\r\n;;;;;;\r\n", "1,\"line\nend\",,,,,\n\n2,,,,,,"};
}

const fuzz::Register kCsv({"csv", read_csv, csv_seeds});

}  // namespace
}  // namespace penstock::connector
