#pragma once

#include <memory>
#include <vector>

#include "storage/state_table.h"
#include "stream/executor/join/row_run.h"
#include "stream/executor/state/key_table.h"

namespace penstock::stream {

/// The rows of one input of a join, by join key: a state table and, in memory, the runs of the keys that were asked for.
///
///  - `resolve` finds the runs of a chunk's keys. Those not in memory must be read: `wants_read`, then `read` (may block) and `install`.
///    While all rows are in memory (`complete`: a new table, or a small one after its first read) nothing is read.
///  - `apply` adds and takes back the rows of a chunk: in the table, and in the runs that are in memory.
///  - What is in memory can always be read again, so every run may be evicted between chunks.
///  - Degrees: how many rows of the other input each row joins with; kept in memory only, and counted again for runs that were read
///    (`kCounted` unset).
/// Rows with a NULL in the key are the caller's to leave out.
class JoinSide {
 public:
  static constexpr uint32_t kNone = KeyTable::kNone;

  /// `table`: all columns of the input; pk = `key`, then what else identifies a row.
  JoinSide(storage::StateTable table, std::vector<uint32_t> key);
  JoinSide(const JoinSide&) = delete;
  JoinSide& operator=(const JoinSide&) = delete;
  ~JoinSide();

  /// ids[i]: the run of rows[i] of `keys` (columns as `key`); kNone: no rows have that key.
  void resolve(const data::DataChunk& keys, std::span<const uint32_t> rows, std::vector<uint32_t>& ids);
  /// True as well before the first read, whatever was asked for: a new table shall be known to be complete before it grows.
  [[nodiscard]] bool wants_read() const { return !touched_ || !unread_.empty(); }
  [[nodiscard]] bool may_block() const { return table_.may_block(); }
  Status read();
  Status install();

  [[nodiscard]] std::span<const RowRun::Entry> run(uint32_t id) const { return run_of(id).entries(); }
  [[nodiscard]] const std::byte* row(uint32_t row) const { return rows_.at(row) + sizeof(RowStore::Head); }
  [[nodiscard]] uint32_t& degree(uint32_t row) const;
  [[nodiscard]] bool counted(uint32_t id) const { return (entries_.flags(id) & kCounted) != 0; }
  void set_counted(uint32_t id) { entries_.flags(id) |= kCounted; }
  /// A column of rows by their addresses; null gives NULL.
  [[nodiscard]] data::Column column(size_t column, std::span<const std::byte* const> rows) const {
    return layout_.unpack(column, rows, texts_.handle());
  }

  /// All of `rows` (visible rows of `chunk`, keys not NULL), in order. degrees[i]: of rows[i]; empty: none are kept. Errors: `Internal`
  /// when a row is taken back that is not there.
  Status apply(const data::StreamChunk& chunk, std::span<const uint32_t> rows, std::span<const uint32_t> degrees);

  [[nodiscard]] storage::StateTable& table() { return table_; }
  [[nodiscard]] const std::vector<uint32_t>& key() const { return key_; }
  [[nodiscard]] size_t width() const { return layout_.types().size(); }
  [[nodiscard]] size_t memory_bytes() const { return entries_.memory_bytes() + rows_.live_bytes() + texts_.live_bytes() + run_bytes_; }
  size_t evict(size_t bytes);

 private:
  enum Flag : uint32_t { kUnread = 1, kCounted = 2 };
  // At most so many rows are read at the first touch, to know of a small table that all of it is in memory.
  static constexpr size_t kFirstReadRows = 8192;

  [[nodiscard]] RowRun& run_of(uint32_t id) const { return *reinterpret_cast<RowRun*>(entries_.payload(id)); }
  Status read_first();
  Status read_run(uint32_t id, std::vector<data::Row>& rows);
  void install_rows(std::span<const data::Row> rows);
  void add(uint32_t id, uint32_t tag, const std::byte* packed, uint32_t degree);
  [[nodiscard]] bool remove(uint32_t id, uint32_t tag, const std::byte* packed);
  void release_row(uint32_t row);
  void clear_run(uint32_t id);
  void compact_texts();
  void pack(const data::DataChunk& chunk, std::span<const uint32_t> rows);

  storage::StateTable table_;
  const std::vector<uint32_t> key_;
  const std::vector<uint32_t> identity_;  // columns of the pk beyond the key
  const RowLayout layout_;
  KeyTable entries_;
  RowStore rows_;
  TextArena texts_;
  size_t run_bytes_ = 0;
  bool complete_ = false;
  bool touched_ = false;  // the first read was done

  // Between resolve and install.
  std::vector<uint32_t> unread_;
  std::vector<data::Row> read_rows_;

  // Scratch, kept for its memory.
  std::vector<uint32_t> created_, ids_;
  std::vector<uint64_t> hashes_;
  std::vector<std::byte> packed_;
};

}  // namespace penstock::stream
