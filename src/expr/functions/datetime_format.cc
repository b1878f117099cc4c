// to_char of timestamps.
#include "expr/date_format.h"
#include "expr/datetime_units.h"
#include "expr/function_table.h"

namespace penstock::expr {

using data::Text;
using data::TypeKind;

namespace {

// The pattern is a column: it is compiled again only when it changes.
data::Column to_char_by_row(const KernelCall& call) {
  std::string last;
  std::optional<DateFormat> format;
  return map_rows<Text, int64_t, Text>(call, [&](TextArena& arena, int64_t timestamp, const Text& pattern) {
    if (!format || pattern.view() != last) {
      last = pattern.view();
      format.emplace(last);
    }
    return format->format(timestamp, arena);
  });
}

Result<Kernel> bind_to_char(const BindArgs& args) {
  const auto pattern = constant_text(args, 1);
  if (!pattern) return Kernel(to_char_by_row);
  return Kernel([format = DateFormat(*pattern)](const KernelCall& call) {
    const KernelCall timestamps{call.args.first(1), call.rows, call.active, call.type, call.errors};
    // Neighbouring rows of a stream mostly have one text: the row before is asked first.
    const auto resolution = static_cast<uint64_t>(format.resolution());
    int64_t begin = 0;
    std::optional<Text> last = std::nullopt;
    bool known = false;
    return map_rows<Text, int64_t>(timestamps, [&](TextArena& arena, int64_t timestamp) {
      if (!known || static_cast<uint64_t>(timestamp) - static_cast<uint64_t>(begin) >= resolution) {
        begin = timestamp - floor_mod(timestamp, format.resolution());
        last = format.format(timestamp, arena);
        known = true;
      }
      return last;
    });
  });
}

}  // namespace

void register_datetime_format(FunctionTable& table) {
  table.add_bound("to_char", {TypeKind::Timestamp, TypeKind::Varchar}, TypeKind::Varchar, bind_to_char);
}

}  // namespace penstock::expr
