#include "expr/kernel.h"

namespace penstock::expr {

using data::Bitmap;
using data::Column;

std::shared_ptr<const Bitmap> strict_validity(std::span<const Column> args) {
  std::shared_ptr<const Bitmap> shared;
  std::shared_ptr<Bitmap> both;
  for (const Column& arg : args) {
    if (arg.validity() == nullptr || arg.is_constant()) continue;
    if (shared == nullptr) {
      shared = arg.shared_validity();
    } else if (shared != arg.shared_validity()) {
      if (both == nullptr) both = std::make_shared<Bitmap>(*shared);
      *both &= *arg.validity();
    }
  }
  if (both != nullptr) return both;
  return shared;
}

Column null_column(data::DataType type, size_t rows) { return Column::constant(type, data::Datum(), rows); }

Column repeat_first(const Column& column, size_t rows) {
  if (column.is_null(0)) return null_column(column.type(), rows);
  // Values are only ever read as their physical type, so an array of bytes can stand for any of them.
  auto holder = std::make_shared<const Column>(column);
  const auto* const first = holder->values<std::byte>();
  return Column(column.type(), rows, std::shared_ptr<const std::byte[]>(std::move(holder), first), nullptr, column.owners(), true);
}

std::vector<data::BufferPtr> text_owners(TextArena& arena, std::span<const Column> args) {
  std::vector<data::BufferPtr> owners = arena.take_blocks();
  for (const Column& arg : args) {
    if (arg.type().kind == data::TypeKind::Varchar) owners.insert(owners.end(), arg.owners().begin(), arg.owners().end());
  }
  return owners;
}

std::shared_ptr<const Bitmap> FailedRows::taken_from(std::shared_ptr<const Bitmap> validity) && {
  if (!failed_) return validity;
  failed_->flip();
  if (validity != nullptr) *failed_ &= *validity;
  return std::make_shared<const Bitmap>(std::move(*failed_));
}

}  // namespace penstock::expr
