#include "stream/executor/materialize/stored_rows.h"

#include <cstring>

#include "stream/executor/chunk_rows.h"

namespace penstock::stream {

using data::Column;

// Zero bytes afterwards, as an entry without row has.
void StoredRows::destroy(std::byte* payload) const {
  layout_.release_text(payload + kHead, texts_);
  std::memset(payload, 0, size());
}

Status StoredRows::decode(const data::Row& row, std::byte* payload) const {
  std::vector<Column> columns;
  for (size_t c = 0; c < layout_.types().size(); ++c) columns.push_back(Column::constant(layout_.types()[c], row[c], 1));
  store(data::DataChunk(std::move(columns), 1), all_rows(1), {&payload, 1});
  return ok();
}

std::vector<Column> StoredRows::columns(std::span<const std::byte* const> payloads) const {
  std::vector<const std::byte*> rows(payloads.size());
  for (size_t i = 0; i < payloads.size(); ++i) rows[i] = payloads[i] == nullptr ? nullptr : payloads[i] + kHead;
  std::vector<Column> columns;
  for (size_t c = 0; c < layout_.types().size(); ++c) columns.push_back(layout_.unpack(c, rows, texts_.handle()));
  return columns;
}

void StoredRows::store(const data::DataChunk& chunk, std::span<const uint32_t> rows, std::span<std::byte* const> payloads) const {
  std::vector<std::byte*> places(payloads.size());
  for (size_t i = 0; i < payloads.size(); ++i) {
    places[i] = payloads[i] + kHead;
    layout_.release_text(places[i], texts_);
  }
  layout_.pack(chunk, rows, places);
  for (std::byte* row : places) layout_.own_text(row, texts_);
}

void StoredRows::compact_texts(KeyTable& entries) const {
  if (!texts_.wasteful()) return;
  TextArena fresh;
  entries.rows().for_each([&](uint32_t id) { layout_.own_text(entries.payload(id) + kHead, fresh); });
  texts_ = std::move(fresh);
}

}  // namespace penstock::stream
