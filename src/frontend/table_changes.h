#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/chunk.h"
#include "proto/catalog.pb.h"

namespace penstock::frontend {

/// What a transaction block has done to one table so far, by primary key: its own reads see it, COMMIT writes it. Rows that get their key
/// only when they are stored have a negative one here, which they lose on the way out. Value type of one session.
class TableChanges {
 public:
  explicit TableChanges(pb::CatalogObject table);

  /// All columns of new rows. A key that is there is overwritten, as in the table.
  void insert(const data::DataChunk& rows);
  /// All columns of each row as it is (for this block), then as it shall be; the key stays.
  void update(const data::DataChunk& both);
  void remove(const data::DataChunk& rows);

  [[nodiscard]] const pb::CatalogObject& table() const { return table_; }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// Something follows from rows that were read: an UPDATE or DELETE.
  [[nodiscard]] bool has_read() const { return has_read_; }
  /// Those of `stored`, all columns, that are still as they are.
  [[nodiscard]] data::DataChunk unchanged(const data::DataChunk& stored) const;
  /// The rows that are new or other than stored, all columns.
  [[nodiscard]] data::DataChunk own_rows() const;
  /// From what is stored to what shall be; update pairs first.
  [[nodiscard]] data::StreamChunk changelog() const;

 private:
  struct Change {
    std::optional<data::Row> before;  // as it is stored, if the block has read it; one of them is there
    std::optional<data::Row> after;   // none: deleted
  };
  [[nodiscard]] std::vector<std::string> keys_of(const data::DataChunk& rows) const;

  pb::CatalogObject table_;
  std::vector<data::DataType> types_;
  std::vector<uint32_t> key_;
  std::optional<uint32_t> generated_key_;
  std::map<std::string, Change> rows_;  // by encoded key
  int64_t next_generated_ = -1;
  bool has_read_ = false;
};

}  // namespace penstock::frontend
