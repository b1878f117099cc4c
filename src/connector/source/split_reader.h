#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/chunk.h"

namespace penstock::connector {

/// A source as the catalog holds it: WITH properties (lower-case keys), FORMAT, ENCODE with its options ("encode.delimiter"), columns.
struct SourceSpec {
  std::string name;
  std::map<std::string, std::string> properties;
  std::string format;
  std::string encode;
  data::Schema columns;
};

struct SplitPosition {
  std::string id;
  std::string offset;    // connector's own form; empty: the start
  std::string identity;  // connector's own form; empty until the split was first read or listed
  uint64_t rows = 0;
  bool finished = false;
};

/// Checks every property of the source: unknown keys (naming the nearest known one), values, columns that the format cannot make.
/// Called by the frontend at CREATE SOURCE; touches no file.
[[nodiscard]] Status validate_source(const SourceSpec& spec);
/// Lists the source's splits (files that match, shares of a generator), in a stable order. May block. Errors: `Io` naming the path.
[[nodiscard]] Result<std::vector<SplitPosition>> list_splits(const SourceSpec& spec);
/// Whether the source can end: false if it follows for ever.
[[nodiscard]] bool is_finite(const SourceSpec& spec);
/// Rows a second that the source itself asks for, all splits together (datagen.rows.per.second); 0: as fast as they are taken. The reader
/// does not pace itself: the source operator does, by this and by source_rate_limit.
[[nodiscard]] uint64_t own_rate(const SourceSpec& spec);

/// Whether an option of the source may change while jobs read it: those that decide neither which splits there are nor what their rows are.
[[nodiscard]] bool may_change(const SourceSpec& spec, std::string_view key);

/// Reads one split from a position on. One owner. `position()` after a chunk means: all rows up to here have been handed out; a reader
/// opened there continues with the next row.
class SplitReader {
 public:
  virtual ~SplitReader() = default;
  enum class State { Rows, NeedRead, Idle, Finished };
  /// Up to `max_rows` rows into `out` (columns as `output` of open_split). Never blocks: NeedRead asks for `read_blocking`; Idle: nothing
  /// new now (a followed file), ask again later. Text columns are views into the reader's buffers, which the columns keep alive.
  [[nodiscard]] virtual Result<State> next(size_t max_rows, data::DataChunk& out) = 0;
  /// Gets more bytes from where they are; called on the blocking pool.
  virtual Status read_blocking() = 0;
  [[nodiscard]] virtual SplitPosition position() const = 0;
  /// Bad records passed over under on_error = 'skip', and the last of them with its place.
  [[nodiscard]] virtual uint64_t skipped() const = 0;
  [[nodiscard]] virtual const std::string& last_error() const = 0;
};

/// `output`: the columns of spec.columns wanted, in order. Touches no file: the first NeedRead does.
[[nodiscard]] Result<std::unique_ptr<SplitReader>> open_split(const SourceSpec& spec, const SplitPosition& position,
                                                              std::vector<uint32_t> output);

}  // namespace penstock::connector
