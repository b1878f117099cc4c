// Columns on the wire. What is decoded must be usable: it is encoded again and compared.
#include "common/check.h"
#include "data/chunk.h"
#include "fuzz/fuzz.h"

namespace penstock::data {
namespace {

void read_chunk(std::string_view bytes) {
  const auto chunk = decode_chunk(bytes);
  if (chunk.has_error()) return;
  std::string again;
  encode_chunk(chunk.value(), again);
  const auto second = decode_chunk(again);
  PENSTOCK_CHECK(second.has_value(), "a chunk cannot be read back: {}", second.error());
  PENSTOCK_CHECK(second.value().rows() == chunk.value().rows(), "a chunk of {} rows becomes one of {}", chunk.value().rows(),
                 second.value().rows());
  for (size_t c = 0; c < chunk.value().data().columns().size(); ++c) {
    for (size_t row = 0; row < chunk.value().rows(); ++row) (void)chunk.value().data().column(c).datum(row);
  }
}

std::vector<std::string> chunk_seeds() {
  std::vector<std::string> out;
  for (const char* type : {"boolean", "smallint", "integer", "bigint", "real", "double precision", "varchar", "date", "timestamp"}) {
    const DataType kind = type_of_name(type).value();
    AnyColumnBuilder builder(kind, 5);
    for (size_t row = 0; row < 5; ++row) builder.append(Datum());
    std::string bytes;
    encode_chunk(StreamChunk(DataChunk({builder.finish()}, 5)), bytes);
    out.push_back(bytes);
  }
  const Column numbers = Column::constant(TypeKind::Int64, int64_t{1} << 40, 100);
  const Column texts = Column::constant(TypeKind::Varchar, Datum("a text that is longer than what fits into its view"), 100);
  auto ops = std::make_shared<std::vector<Op>>(100, Op::Insert);
  for (size_t i = 0; i + 1 < ops->size(); i += 4) {
    (*ops)[i] = Op::UpdateDelete;
    (*ops)[i + 1] = Op::UpdateInsert;
  }
  std::string bytes;
  encode_chunk(StreamChunk(DataChunk({numbers, texts}, 100), ops), bytes);
  out.push_back(bytes);
  return out;
}

const fuzz::Register kChunk({"chunk", read_chunk, chunk_seeds});

}  // namespace
}  // namespace penstock::data
