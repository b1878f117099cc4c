#include "meta/model/job_plan.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "common/vnode.h"
#include "proto/catalog.pb.h"

namespace penstock::meta {
namespace {

constexpr uint32_t kMaxVNodeCount = 32768;

// Every TableDesc below `message`, whatever operator has it: a new operator's tables cannot be forgotten. `upstream_table` is another
// job's.
void collect_tables(const google::protobuf::Message& message, std::vector<uint32_t>& out) {
  if (message.GetDescriptor() == pb::TableDesc::descriptor()) {
    out.push_back(static_cast<const pb::TableDesc&>(message).table_id());
    return;
  }
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE || field->name() == "upstream_table") continue;
    if (!field->is_repeated()) {
      collect_tables(reflection.GetMessage(message, field), out);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) collect_tables(reflection.GetRepeatedMessage(message, field, i), out);
  }
}

Error invalid(const pb::JobRecord& record, std::string_view what) {
  return error(Code::InvalidDefinition, "plan of {}: {}", record.name(), what);
}

}  // namespace

Result<std::shared_ptr<const JobPlan>> JobPlan::make(pb::JobRecord record) {
  std::shared_ptr<JobPlan> plan(new JobPlan());
  plan->record_ = std::move(record);
  auto* fragments = plan->record_.mutable_graph()->mutable_fragments();
  std::sort(fragments->pointer_begin(), fragments->pointer_end(),
            [](const pb::Fragment* a, const pb::Fragment* b) { return a->fragment_id() < b->fragment_id(); });
  PENSTOCK_TRY(plan->fill());
  return std::shared_ptr<const JobPlan>(std::move(plan));
}

Status JobPlan::fill() {
  const pb::FragmentGraph& graph = record_.graph();
  if (graph.vnode_count() == 0 || graph.vnode_count() > kMaxVNodeCount) {
    return invalid(record_, fmt::format("vnode count {} is not in 1..{}", graph.vnode_count(), kMaxVNodeCount));
  }
  if (graph.fragments().empty()) return invalid(record_, "it has no fragments");
  std::vector<bool> seen(graph.table_count(), false);
  for (int i = 0; i < graph.fragments_size(); ++i) {
    const pb::Fragment& fragment = graph.fragments(i);
    if (fragment.fragment_id() != static_cast<uint32_t>(i)) {
      return invalid(
          record_, fmt::format("its {} fragments are not numbered from 0: there is a {}", graph.fragments_size(), fragment.fragment_id()));
    }
    if (fragment.has_source() && fragment.source_id() == 0) return invalid(record_, fmt::format("fragment {} reads source 0", i));
    fragments_.push_back({FragmentId{record_.fragment_base() + fragment.fragment_id()}, &fragment, {}});
    PENSTOCK_TRY(fill_tables(seen, fragments_.back()));
  }
  for (uint32_t table = 0; table < seen.size(); ++table) {
    if (!seen[table]) return invalid(record_, fmt::format("table {} is in no fragment", table));
  }
  PENSTOCK_TRY(fill_log());
  return fill_edges();
}

Status JobPlan::fill_tables(std::vector<bool>& seen, FragmentPlan& fragment) {
  std::vector<uint32_t> tables;
  collect_tables(*fragment.plan, tables);
  std::ranges::sort(tables);
  for (const uint32_t table : tables) {
    if (table >= seen.size()) return invalid(record_, fmt::format("table {} is not below {}", table, seen.size()));
    if (seen[table]) return invalid(record_, fmt::format("table {} is there twice", table));
    seen[table] = true;
    fragment.tables.push_back(TableId{record_.table_base() + table});
  }
  return ok();
}

// It goes wherever the rows go whose changes it holds.
Status JobPlan::fill_log() {
  if (record_.log_table() == 0) return ok();
  const auto materialize = std::ranges::find_if(fragments_, [](const FragmentPlan& fragment) { return fragment.plan->has_materialize(); });
  if (materialize == fragments_.end()) return invalid(record_, "it keeps changes and materializes nothing");
  if (record_.log_table() < record_.table_base() + record_.graph().table_count()) {
    return invalid(record_, fmt::format("its log table {} is not above its others", record_.log_table()));
  }
  materialize->tables.push_back(TableId{record_.log_table()});
  return ok();
}

Status JobPlan::fill_edges() {
  const auto count = static_cast<uint32_t>(fragments_.size());
  for (const pb::FragmentEdge& edge : record_.graph().edges()) {
    const bool external = edge.upstream_object() != 0;
    if (edge.downstream() >= count || (!external && edge.upstream() >= count)) {
      return invalid(record_, fmt::format("edge {} -> {} leads nowhere", edge.upstream(), edge.downstream()));
    }
    edges_.push_back({external ? FragmentId{} : fragments_[edge.upstream()].id, ObjectId{edge.upstream_object()},
                      fragments_[edge.downstream()].id, OperatorId{record_.operator_base() + edge.link()}, &edge.strategy()});
  }
  return fill_backfills();
}

Status JobPlan::fill_backfills() {
  for (FragmentPlan& fragment : fragments_) {
    for (const uint32_t before : fragment.plan->backfill_after()) {
      if (before >= fragments_.size() || !fragments_[before].plan->has_scan() || !fragment.plan->has_scan()) {
        return invalid(
            record_, fmt::format("fragment {} comes after the backfill of {}; one of them has none", fragment.plan->fragment_id(), before));
      }
      fragment.backfill_after.push_back(fragments_[before].id);
    }
  }
  // Again and again those that come after nothing that is left: what cannot be reached so waits for itself.
  std::vector<bool> done(fragments_.size(), false);
  const auto comes_next = [&](size_t i) {
    const auto& before = fragments_[i].plan->backfill_after();
    return !done[i] && std::ranges::all_of(before, [&](uint32_t b) { return done[b]; });
  };
  for (size_t found = fragments_.size(); found > 0;) {
    found = 0;
    for (size_t i = 0; i < fragments_.size(); ++i) {
      if (!comes_next(i)) continue;
      done[i] = true;
      ++found;
    }
  }
  const auto stuck = std::ranges::find(done, false);
  if (stuck == done.end()) return ok();
  return invalid(record_, fmt::format("the backfill of fragment {} waits for itself", stuck - done.begin()));
}

const JobPlan::FragmentPlan* JobPlan::fragment(FragmentId id) const {
  const uint32_t local = id.value - record_.fragment_base();
  return local < fragments_.size() ? &fragments_[local] : nullptr;
}

const JobPlan::FragmentPlan* JobPlan::materialize_fragment() const {
  for (const FragmentPlan& fragment : fragments_) {
    if (fragment.plan->has_materialize()) return &fragment;
  }
  return nullptr;
}

std::vector<TableId> JobPlan::tables() const {
  std::vector<TableId> out;
  for (uint32_t table = 0; table < record_.graph().table_count(); ++table) out.push_back(TableId{record_.table_base() + table});
  if (record_.log_table() != 0) out.push_back(TableId{record_.log_table()});
  return out;
}

std::vector<ObjectId> JobPlan::sources() const {
  std::vector<ObjectId> out;
  for (const FragmentPlan& fragment : fragments_) {
    const ObjectId source{fragment.plan->source_id()};
    if (fragment.plan->has_source() && std::ranges::find(out, source) == out.end()) out.push_back(source);
  }
  return out;
}

bool JobPlan::reads(ObjectId source) const {
  const auto all = sources();
  return std::ranges::find(all, source) != all.end();
}

}  // namespace penstock::meta
