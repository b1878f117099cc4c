#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "data/chunk.h"
#include "expr/build_helpers.h"
#include "expr/expression.h"
#include "proto/expr.pb.h"

namespace penstock::expr::testing {

/// Reads an expression written as a tree of calls, with Postgres' literals and casts:
///
///     case(equal($0, 1), 'one', concat_op('not ', '1'))     -1.5::numeric(10,2)     '2020-01-01'::date     null::int4
///
/// `$n` is column n of `columns`. Numbers are int4, int8 or numeric as in SQL, quoted texts are unknown literals ('' inside is a quote).
[[nodiscard]] Result<pb::Expr> parse(std::string_view text, const std::vector<data::DataType>& columns = {});

/// Runs a table, one `expression => value` a line; the value is in Postgres' text form, or NULL, or `error SQLSTATE message`. Blank lines
/// and lines that begin with -- are left out.
///
/// Each line is evaluated in all the ways that must agree: folded; with each literal as a flat column, as a constant column and mixed;
/// with NULLs around; with inactive rows, which must not fail.
void run_table(std::string_view table);

/// What the expression comes to over `chunk`: one text a row, "NULL" for NULL.
[[nodiscard]] std::vector<std::string> evaluate_texts(const Expression& expression, const data::DataChunk& chunk,
                                                      const data::Bitmap* active = nullptr, RowErrors* errors = nullptr);

}  // namespace penstock::expr::testing
