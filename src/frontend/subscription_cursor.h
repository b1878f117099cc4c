#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch/operator.h"
#include "common/epoch.h"
#include "common/error.h"
#include "data/chunk.h"

namespace penstock::frontend {

/// Behind which change a reader is: all of the epochs before `epoch` are read, and of it `rows` changes, or all (nullopt).
///
///     "5948812912640000"      all of that epoch
///     "5948812912640000.17"   17 changes of it
struct ChangePosition {
  Epoch epoch;
  std::optional<uint64_t> rows;

  [[nodiscard]] std::string to_string() const;
  /// Errors: `InvalidParameter`.
  [[nodiscard]] static Result<ChangePosition> parse(std::string_view text);
  bool operator==(const ChangePosition&) const = default;
};

/// Changes as they are kept, in no order. Columns: epoch, sequence, op, then those of the table.
struct LoggedChanges {
  data::DataChunk rows;
  std::vector<VNode> vnodes;  // of each
};

/// Where a cursor reads.
class ChangeSource {
 public:
  virtual ~ChangeSource() = default;
  /// All changes of epochs in (after, until], as of the committed epoch `as_of`; nothing if there are more than `most`.
  [[nodiscard]] virtual Result<std::optional<LoggedChanges>> changes(Epoch after, Epoch until, Epoch as_of, size_t most) = 0;
};

/// Reads the changes of one subscription in order: by epoch, those of one key as they were made. What a place in that order holds never
/// changes, so a reader that says where it was goes on exactly there. Only what is committed is read.
///
/// One owner, one call at a time. Pure but for the source.
class SubscriptionCursor {
 public:
  struct Shape {
    std::vector<uint32_t> columns;  // of the table, that are shown
    std::vector<data::Field> fields;
  };
  /// Changes behind `start`.
  SubscriptionCursor(Shape shape, ChangePosition start);
  /// The rows of the table as of `epoch` (the columns that are shown), then the changes behind it.
  SubscriptionCursor(Shape shape, Epoch epoch, batch::OperatorPtr snapshot);

  /// Of what `next` gives: the columns that are shown, op, penstock_timestamp (Unix milliseconds), penstock_position. The position of a row
  /// is the one behind it; NULL within the snapshot, but for its last row.
  [[nodiscard]] std::vector<data::Field> fields() const;

  /// What `kept` says is true of changes that are wanted: all of epochs behind `since` and less than `retention` older than `committed` are
  /// there. Errors: `SnapshotTooOld` if the next ones may be gone.
  [[nodiscard]] Status check_kept(Epoch since, std::chrono::milliseconds retention, Epoch committed) const;

  /// Of one with a snapshot, before its first `next`: reads the beginning of it. May be left out.
  [[nodiscard]] Status begin_snapshot();

  /// At most `most` rows, as many as there are up to `committed` but no more than about a chunk; none if there are none. An error leaves
  /// the cursor where it was; after one of the snapshot each further call gives an error.
  [[nodiscard]] Result<data::DataChunk> next(size_t most, Epoch committed, ChangeSource& source);

  /// The snapshot cannot be read to its end: the cursor is of no more use.
  [[nodiscard]] bool failed() const { return snapshot_failed_.has_value(); }
  /// Behind the last row that was given, and all that is known to have changed nothing; nothing within the snapshot.
  [[nodiscard]] std::optional<ChangePosition> position() const { return position_; }

 private:
  struct Ordered {
    data::DataChunk rows;  // shown columns
    std::vector<data::Op> ops;
    std::vector<ChangePosition> positions;
    size_t next = 0;
    [[nodiscard]] size_t left() const { return ops.size() - next; }
  };

  [[nodiscard]] Result<data::DataChunk> next_of_snapshot(size_t most);
  Status read_snapshot();
  Status read_changes(Epoch committed, ChangeSource& source);
  void take_in(const LoggedChanges& logged);
  [[nodiscard]] data::DataChunk give(size_t most);

  const Shape shape_;
  std::optional<ChangePosition> position_;
  Epoch read_to_;                       // all changes up to it are given or in ready_
  std::optional<ChangePosition> skip_;  // of its epoch so many rows were read before
  uint64_t window_;                     // epochs, as numbers, to read at once
  Ordered ready_;

  batch::OperatorPtr snapshot_;          // null: none, or read to its end
  std::optional<data::DataChunk> held_;  // what it gave last; its last row waits until it is known whether it is the last of all
  std::optional<Error> snapshot_failed_;
  Epoch snapshot_epoch_;
};

}  // namespace penstock::frontend
