#include "stream/exchange/dispatcher.h"

#include <numeric>

#include "proto/control_stream.pb.h"

namespace penstock::stream {
namespace {

Result<std::vector<uint32_t>> checked_columns(const google::protobuf::RepeatedField<uint32_t>& columns, size_t width,
                                              std::string_view what) {
  for (const uint32_t column : columns) {
    if (column >= width) return error(Code::Protocol, "{} column {} of an output of {} columns", what, column, width);
  }
  return std::vector<uint32_t>(columns.begin(), columns.end());
}

/// vnode -> position of the actor, from u16 LE each.
Result<std::vector<uint16_t>> checked_mapping(const std::string& bytes, size_t actors) {
  std::vector<uint16_t> mapping(bytes.size() / 2);
  if (mapping.empty() || bytes.size() % 2 != 0 || mapping.size() > UINT16_MAX) {
    return error(Code::Protocol, "a vnode mapping of {} bytes", bytes.size());
  }
  for (size_t vnode = 0; vnode < mapping.size(); ++vnode) {
    mapping[vnode] = static_cast<uint16_t>(static_cast<uint8_t>(bytes[2 * vnode]) |
                                           static_cast<uint16_t>(static_cast<uint8_t>(bytes[2 * vnode + 1])) << 8);
    if (mapping[vnode] >= actors) return error(Code::Protocol, "vnode {} is mapped to actor {} of {}", vnode, mapping[vnode], actors);
  }
  return mapping;
}

Result<std::unique_ptr<HashSplit>> hash_of(const pb::Dispatcher& description, size_t width) {
  PENSTOCK_TRY(auto keys, checked_columns(description.strategy().dist_key(), width, "distribution key"));
  PENSTOCK_TRY(auto mapping, checked_mapping(description.vnode_to_actor(), static_cast<size_t>(description.actors_size())));
  if (description.actors_size() == 1) return std::unique_ptr<HashSplit>();
  return std::make_unique<HashSplit>(std::move(keys), std::move(mapping), static_cast<size_t>(description.actors_size()));
}

}  // namespace

Result<Dispatcher> Dispatcher::make(const pb::Dispatcher& description, size_t width, storage::GraphTerm own) {
  Dispatcher made;
  made.downstream_ = FragmentId{description.downstream_fragment()};
  const auto where = [&] { return fmt::format("edge to fragment {}", made.downstream_); };
  if (description.actors_size() == 0) return error(Code::Protocol, "no downstream actor").with_context(where());

  switch (description.strategy().type()) {
    case pb::DISPATCH_HASH: {
      PENSTOCK_TRY(made.hash_, in_context(hash_of(description, width), where()));
      break;
    }
    case pb::DISPATCH_SIMPLE:
    case pb::DISPATCH_NO_SHUFFLE:
      if (description.actors_size() != 1) {
        return error(Code::Protocol, "{} downstream actors where there must be one", description.actors_size()).with_context(where());
      }
      break;
    case pb::DISPATCH_BROADCAST:
      break;
    default:
      return error(Code::Protocol, "unknown dispatch type {}", static_cast<int>(description.strategy().type())).with_context(where());
  }
  PENSTOCK_TRY(made.columns_, in_context(checked_columns(description.strategy().output(), width, "output"), where()));
  std::vector<uint32_t> all(width);
  std::iota(all.begin(), all.end(), 0);
  made.all_columns_ = made.columns_ == all;
  for (const pb::ActorInfo& actor : description.actors()) {
    const bool soft = actor.graph().id() != own.graph.value;
    made.ports_.push_back(std::make_unique<OutputPort>(ActorId{actor.actor_id()}, description.link(), soft));
  }
  return made;
}

Status Dispatcher::dispatch(const data::StreamChunk& chunk) {
  if (hash_) {
    for (HashSplit::Piece& piece : hash_->split(chunk, columns_)) {
      PENSTOCK_TRY(ports_[piece.destination]->push(std::move(piece.chunk)));
    }
    return ok();
  }
  const data::StreamChunk sent = all_columns_ ? chunk : chunk.project(columns_);
  for (const auto& port : ports_) {
    PENSTOCK_TRY(port->push(sent));
  }
  return ok();
}

}  // namespace penstock::stream
