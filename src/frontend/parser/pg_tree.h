#pragma once

#include <pg_query/pg_query.pb-c.h>

#include <memory>
#include <string>
#include <vector>

#include "common/error.h"
#include "frontend/parser/tokens.h"

/// The only door to libpg_query: its results as owned values, its errors as ours. Included by .cc files of this folder only.
namespace penstock::frontend {

struct PgTreeDeleter {
  void operator()(PgQuery__ParseResult* tree) const { pg_query__parse_result__free_unpacked(tree, nullptr); }
};
using PgTree = std::unique_ptr<PgQuery__ParseResult, PgTreeDeleter>;

/// A piece of SQL for Postgres' grammar, of which every byte stands where it stands in the user's text (what is not for the grammar is
/// blanked), so that positions in the tree are positions in the text.
class PgText {
 public:
  /// The bytes [start, end) of the text.
  PgText(const SourceText& source, size_t start, size_t end)
      : source_(source), start_(start), sql_(source.text().substr(start, end - start)) {}

  /// Overwrites [start, end) (in bytes of the whole text) with spaces, beginning with `replacement`, which must fit.
  void blank(size_t start, size_t end, std::string_view replacement = {});

  [[nodiscard]] const std::string& sql() const { return sql_; }
  /// Character in the whole text of a location in the tree; 0 for its "unknown".
  [[nodiscard]] uint32_t position(int location) const { return location < 0 ? 0 : source_.position(start_ + location); }
  /// Character in the whole text of a cursor position of an error, which counts characters from 1.
  [[nodiscard]] uint32_t position_of_cursor(int cursor) const;

 private:
  const SourceText& source_;
  size_t start_;
  std::string sql_;
};

/// Errors: `Syntax` with position.
[[nodiscard]] Result<PgTree> pg_parse(const PgText& text);

}  // namespace penstock::frontend
