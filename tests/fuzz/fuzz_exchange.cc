// Frames between computes.
#include "data/chunk.h"
#include "fuzz/fuzz.h"
#include "proto/compute_service.pb.h"
#include "proto/control_stream.pb.h"
#include "stream/exchange/exchange_frames.h"

namespace penstock::stream {
namespace {

void read_frame(std::string_view bytes) {
  pb::ExchangeFrame frame;
  if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  if (frame.has_data()) (void)data::decode_chunk(frame.data().chunk());
  for (const pb::Barrier& barrier : frame.barrier().barriers()) (void)barrier_of(barrier);
}

std::vector<std::string> frame_seeds() {
  data::StreamChunk chunk(data::DataChunk({data::Column::constant(data::TypeKind::Int64, int64_t{7}, 3)}, 3));
  std::string encoded;
  data::encode_chunk(chunk, encoded);
  Barrier barrier;
  barrier.epoch = {Epoch{1 << 16}, Epoch{2 << 16}};
  barrier.kind = BarrierKind::Checkpoint;
  const std::vector<uint32_t> channels{1, 2, 3};
  return {open_frame("node"),   data_frame(3, encoded), barrier_frame(channels, barrier),
          credit_frame(1, 500), ping_frame(),           closed_frame(2, Error(Code::Closed, "gone"))};
}

const fuzz::Register kFrames({"exchange", read_frame, frame_seeds});

}  // namespace
}  // namespace penstock::stream
