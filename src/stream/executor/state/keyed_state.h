#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "storage/state_table.h"
#include "stream/executor/state/key_table.h"

namespace penstock::stream {

/// States of fixed size by key: a state table with a KeyTable as its cache.
///
/// `resolve` gives each row its entry. Entries that may be in the table but are not in the cache must be read: then `wants_read()` is true,
/// and `read` (which may block) and `install` come before any entry is used. While the cache holds all there is (`complete`: a new table,
/// or a small one after its first read), nothing is read at all. Entries that are dirty (kDirty: the table does not know of it yet) stay;
/// others may be evicted.
class KeyedState {
 public:
  /// What a payload is. Payloads begin as zero bytes.
  class Codec {
   public:
    virtual ~Codec() = default;
    virtual void init(std::byte* payload) const = 0;
    /// Frees what the payload owns.
    virtual void destroy(std::byte* payload) const = 0;
    /// From a row of the table to an initialised payload. Errors: `Corruption`.
    virtual Status decode(const data::Row& row, std::byte* payload) const = 0;
  };

  enum Flag : uint32_t {
    kDirty = 1,    // differs from the table, or may
    kStored = 2,   // the table has a row of it
    kUnread = 4,   // waits for `install`
    kUserFlag = 8  // the first bit for the user
  };

  /// `key_columns`: columns of the table that are the key, all of its pk and nothing else.
  KeyedState(std::vector<uint32_t> key_columns, storage::StateTable table, size_t payload_bytes, const Codec& codec);
  KeyedState(const KeyedState&) = delete;
  KeyedState& operator=(const KeyedState&) = delete;
  ~KeyedState();

  /// ids[i]: entry of rows[i] of `keys` (columns as key_columns).
  void resolve(const data::DataChunk& keys, std::span<const uint32_t> rows, std::vector<uint32_t>& ids);
  [[nodiscard]] bool wants_read() const { return !unread_.empty(); }
  [[nodiscard]] bool may_block() const { return table_.may_block(); }
  Status read();
  Status install();

  [[nodiscard]] storage::StateTable& table() { return table_; }
  [[nodiscard]] KeyTable& entries() { return entries_; }
  [[nodiscard]] std::byte* payload(uint32_t id) const { return entries_.payload(id); }
  [[nodiscard]] uint32_t& flags(uint32_t id) const { return entries_.flags(id); }
  /// Key columns of entries, as the table's columns want them.
  [[nodiscard]] std::vector<data::Column> key_columns(std::span<const uint32_t> ids) const;
  [[nodiscard]] data::Row key_row(uint32_t id) const;

  /// The table's rows of these entries: `columns` all of its columns, alive[i] whether entry i has a row. Entries are clean afterwards;
  /// those that are not alive leave the cache.
  void write(std::span<const uint32_t> ids, std::vector<data::Column> columns, std::span<const uint8_t> alive);
  /// Takes down and forgets an entry that is not dirty.
  void forget(uint32_t id);

  [[nodiscard]] size_t memory_bytes() const { return entries_.memory_bytes(); }
  size_t evict(size_t bytes);

 private:
  // At most so many rows are read at the first touch, to know of a small table that the cache holds it all.
  static constexpr size_t kFirstReadRows = 8192;

  Status read_first();
  Status install_first();
  Status decode_into(uint32_t id, const data::Row& row);

  storage::StateTable table_;
  const std::vector<uint32_t> table_key_columns_;
  std::vector<uint32_t> pk_of_keys_;  // for keys_of: the pk columns' places among the key columns
  const Codec& codec_;
  KeyTable entries_;
  bool complete_ = false;
  bool touched_ = false;  // the first read was done

  // Between resolve and install.
  std::vector<uint32_t> unread_;
  std::vector<std::string> unread_keys_;
  std::vector<std::optional<std::string>> found_;
  std::vector<data::Row> first_rows_;
  std::vector<uint32_t> created_;
};

/// The ranges of keys that cover the vnodes of a table, one for each run of neighbours.
[[nodiscard]] std::vector<storage::Range> owned_ranges(const storage::StateTable& table);

}  // namespace penstock::stream
