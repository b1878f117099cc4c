#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/catalog.pb.h"
#include "proto/stream_plan.pb.h"

namespace penstock::frontend {

/// How the rows of a stream are spread over the actors of its fragment.
struct Distribution {
  enum class Kind : uint8_t {
    Any,     // as the splits of a source fall
    Single,  // one actor
    Hash,    // by the vnode of the columns
  };
  Kind kind = Kind::Any;
  std::vector<uint32_t> columns;

  [[nodiscard]] static Distribution any() { return {}; }
  [[nodiscard]] static Distribution single() { return {Kind::Single, {}}; }
  [[nodiscard]] static Distribution hash(std::vector<uint32_t> columns) { return {Kind::Hash, std::move(columns)}; }
  bool operator==(const Distribution&) const = default;
};

/// A fragment that is still growing: what is known of it beside its operators.
struct Stage {
  bool has_source = false;
  bool has_dml = false;
  bool has_scan = false;
  uint32_t source_id = 0;
  bool singleton = false;
  std::optional<uint32_t> colocation;      // group that a NoShuffle edge put it in
  std::vector<pb::FragmentEdge> incoming;  // their `downstream` is filled in when the fragment is done
};

/// The output of a stream plan being built from below: the operators of the growing fragment, the columns, and how rows are told apart.
struct Stream {
  pb::StreamNode node;
  Stage stage;
  Distribution distribution;
  /// The first so many columns are those of the logical plan; what follows is there for the stream key.
  size_t width = 0;
  /// Instead of `node` (which has only its description): the output of a fragment that is done and has several readers.
  std::optional<uint32_t> shared_fragment;
  /// Of a shared fragment: what each column is among its columns.
  std::vector<uint32_t> shared_columns;
};

/// Collects the fragments of one job and numbers everything in it.
class Fragmenter {
 public:
  [[nodiscard]] uint32_t next_operator() { return operators_++; }
  [[nodiscard]] uint32_t next_table() { return tables_++; }

  /// Cuts the stream here; what follows is a new fragment that reads it, spread as `to`. Columns that are neither of the logical plan
  /// nor of the stream key stay behind.
  [[nodiscard]] Stream exchange(Stream stream, Distribution to);
  /// A stream whose operators may be added to: a shared fragment is read without shuffle.
  [[nodiscard]] Stream open(Stream stream);
  /// The fragment is done; more than one stream may read it now. Returns its number.
  uint32_t finish(pb::StreamNode root, Stage stage);
  /// A number for a fragment that is finished later, with its colocation group.
  [[nodiscard]] uint32_t reserve();
  void fill(uint32_t fragment, pb::StreamNode root, Stage stage);
  /// The edges that leave `fragment`.
  [[nodiscard]] std::vector<pb::FragmentEdge*> edges_from(uint32_t fragment);
  [[nodiscard]] uint32_t colocation_of(uint32_t fragment) const { return graph_.fragments(static_cast<int>(fragment)).colocation_group(); }
  [[nodiscard]] uint32_t new_colocation() { return colocations_++; }

  [[nodiscard]] pb::FragmentGraph take(uint32_t parallelism);

  /// A merge of a new fragment; the edge is complete but for its ends.
  [[nodiscard]] pb::StreamNode merge_node();

 private:
  void complete(uint32_t fragment, pb::StreamNode root, Stage stage);

  pb::FragmentGraph graph_;
  uint32_t operators_ = 0;
  uint32_t tables_ = 0;
  uint32_t colocations_ = 0;
};

/// Whether the two may grow into one fragment: at most one source, and no two places at once.
[[nodiscard]] bool can_share_fragment(const Stage& a, const Stage& b);
[[nodiscard]] Stage merged(Stage a, Stage b);

}  // namespace penstock::frontend
