#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/chunk.h"
#include "data/key_codec.h"
#include "data/row_codec.h"
#include "storage/state_store.h"

namespace penstock::storage {

/// Shape of a state table; the C++ form of pb.TableDesc, with the global id.
struct TableSchema {
  TableId id;
  std::string name;
  std::vector<data::DataType> types;
  std::vector<uint32_t> pk;             // columns
  std::vector<data::SortOrder> orders;  // one a pk column
  std::vector<uint32_t> dist_key;       // columns, all in pk; empty: singleton
  uint32_t vnode_count = kDefaultVNodeCount;
  uint32_t lookup_prefix = 0;
  std::vector<data::Datum> added = {};  // of the last columns, which came later: what rows from before them have
};

/// Typed rows over a LocalStateStore. Owned by one operator. Keys are vnode BE | memcomparable pk, values hold all columns.
///
/// At a barrier: `auto token = table.commit(epoch)` -> yield the barrier -> `std::move(token).post_yield(new vnodes?)`.
class StateTable {
 public:
  class [[nodiscard]] CommitToken {
   public:
    explicit CommitToken(StateTable& table) : table_(&table) {}
    CommitToken(CommitToken&& other) noexcept : table_(std::exchange(other.table_, nullptr)) {}
    CommitToken& operator=(CommitToken&&) = delete;
    /// A token may die unused only together with its operator: the table's next use after a forgotten `post_yield` ends the process.
    ~CommitToken() = default;
    Status post_yield(const VNodeBitmap* new_vnodes) &&;

   private:
    StateTable* table_;
  };

  [[nodiscard]] static Result<StateTable> open(StateStore& store, PartialGraphId graph, TableSchema schema, VNodeBitmap vnodes);

  Status init(EpochPair epoch);
  [[nodiscard]] const TableSchema& schema() const { return schema_; }

  /// Writes go to a buffer that is handed to the store in batches: when it is large, before a read, by `flush` and `commit`. What goes
  /// wrong then, or a row of a vnode that this table does not have, is the error of the next `flush`, read or `commit`.
  void insert(const data::Row& row);
  void erase(const data::Row& row);
  void update(const data::Row& old_row, const data::Row& new_row);
  /// All visible rows of a changelog whose columns are the table's columns, in order. Whole columns are encoded at once.
  void write_chunk(const data::StreamChunk& chunk);
  /// As `write_chunk`, each row under the vnode given for it, which need not follow from its key: the log of another table's changes.
  void write_chunk(const data::StreamChunk& chunk, std::span<const VNode> vnodes);
  /// Pre-encoded: `key` as `key_of` gives it.
  void put_encoded(std::string_view key, std::string_view value);
  void erase_encoded(std::string_view key);
  Status flush();

  /// vnode | pk bytes of rows of `chunk`, whose columns `pk_columns` hold the pk in order (dist key taken from the pk). Appends to `out`.
  void keys_of(const data::DataChunk& chunk, std::span<const uint32_t> rows, std::span<const uint32_t> pk_columns,
               std::vector<std::string>& out) const;
  [[nodiscard]] std::string key_of(const data::Row& pk) const;
  /// vnode | encoded prefix of the pk (the prefix must hold the dist key).
  [[nodiscard]] std::string prefix_of(const data::Row& prefix) const;

  /// May block; see LocalStateStore. Encoded values by encoded keys; decode with `decode`.
  [[nodiscard]] Result<std::vector<std::optional<std::string>>> multi_get(std::span<const std::string> keys);
  [[nodiscard]] Result<std::optional<data::Row>> get(const data::Row& pk);
  /// All rows whose pk begins with the encoded prefix (as `prefix_of`), at most `limit` (0: all), in key order.
  [[nodiscard]] Result<std::vector<data::Row>> scan_prefix(std::string_view prefix, size_t limit = 0);
  [[nodiscard]] Result<std::unique_ptr<RowIterator>> scan(const Range& range);
  [[nodiscard]] Result<data::Row> decode(std::string_view value) const;
  [[nodiscard]] bool may_block() const { return local_->may_block(); }
  [[nodiscard]] const VNodeBitmap& vnodes() const { return vnodes_; }

  /// Flushes and seals. The token must be used before the next message is taken.
  [[nodiscard]] Result<CommitToken> commit(EpochPair epoch);

 private:
  StateTable(TableSchema schema, VNodeBitmap vnodes, std::unique_ptr<LocalStateStore> local);

  [[nodiscard]] VNode vnode_of(const data::Row& pk) const;
  void encode_key_of_row(const data::Row& row, std::string& out) const;
  void put(const data::Row& row);
  void write_rows(const data::StreamChunk& chunk, std::span<const uint32_t> rows, std::span<const VNode> chunk_vnodes);
  void check_write(std::string_view key);
  void check_vnodes(std::span<const VNode> vnodes);
  [[nodiscard]] bool same_bytes(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size) const;
  void flush_if_large();

  // constant after opening
  TableSchema schema_;
  std::vector<data::DataType> pk_types_;
  data::RowCodec codec_;
  std::vector<uint32_t> dist_in_pk_;  // positions of dist_key within pk

  VNodeBitmap vnodes_;
  std::unique_ptr<LocalStateStore> local_;
  WriteBatch buffer_;
  std::optional<Error> failure_;  // of a write, until it can be reported
  bool awaiting_post_yield_ = false;
};

}  // namespace penstock::storage
