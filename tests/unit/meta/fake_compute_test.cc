// The other half of fake_cluster.h: a compute.
#include "unit/meta/fake_cluster.h"

#include <google/protobuf/descriptor.h>
#include "meta/service/control_streams.h"

namespace penstock::meta::testing {

namespace {

/// Tables of a fragment's plan, but for those of other jobs.
void find_tables(const google::protobuf::Message& message, std::vector<uint32_t>& out) {
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
      find_tables(reflection.GetMessage(message, field), out);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) find_tables(reflection.GetRepeatedMessage(message, field, i), out);
  }
}

}  // namespace

FakeCompute::FakeCompute(std::string name, runtime::Runtime& runtime, rpc::MemoryNetwork& network, std::shared_ptr<FakeDisk> disk,
                         Ledger& ledger)
    : name_(std::move(name)), runtime_(runtime), network_(network), disk_(std::move(disk)), ledger_(ledger) {}

void FakeCompute::start() {
  ++disk_->incarnation;
  ledger_.computes[name_] = this;
  executor_ = runtime_.make_serial(name_, false);
  transport_ = network_.transport(name_);
  listener_ = std::move(transport_->listen(name_, shared_from_this()).value());
  register_again();
}

void FakeCompute::stop() {
  stopped_ = true;
  ledger_.computes.erase(name_);
  timer_.cancel();
  network_.kill(name_);
  stream_.reset();
  listener_.reset();
}

void FakeCompute::register_again() {
  if (stopped_) return;
  if (!connected()) {
    pb::RegisterWorkerRequest request;
    request.set_node_id(disk_->uuid);
    request.set_cluster_id(cluster_);
    request.set_incarnation(disk_->incarnation);
    request.set_endpoint(name_);
    request.set_parallelism(1);
    transport_->call("meta", "/penstock.Meta/RegisterWorker", request.SerializeAsString(), std::chrono::seconds(1), *executor_,
                     [self = shared_from_this()](const Result<rpc::Bytes>&) {});
  }
  timer_ = runtime_.after(std::chrono::milliseconds(200), *executor_, [self = shared_from_this()] { self->register_again(); });
}

Result<rpc::Service::Accepted> FakeCompute::open(std::string_view method, std::shared_ptr<rpc::Stream> stream) {
  EXPECT_EQ(method, "/penstock.Compute/Control");
  const auto current = stream.get();
  executor_->post([self = shared_from_this(), stream = std::move(stream)] {
    if (self->stream_) self->stream_->close(error(Code::Closed, "a newer stream"));
    self->stream_ = stream;
    self->initialized_ = false;
  });
  rpc::StreamEvents events;
  events.on_message = [self = shared_from_this(), current](const rpc::Bytes& bytes) {
    if (!self->stopped_ && self->stream_.get() == current) self->on_bytes(bytes);
  };
  events.on_closed = [self = shared_from_this(), current](const Status& reason) {
    if (self->stopped_ || self->stream_.get() != current) return;
    self->stream_.reset();
    self->left_in_good_order_ = reason.has_value();
  };
  return Accepted{executor_.get(), std::move(events)};
}

void FakeCompute::send(const pb::ControlResponse& response) {
  if (stream_) stream_->write(response.SerializeAsString());
}

void FakeCompute::on_bytes(const rpc::Bytes& bytes) {
  if (muted_) return;
  pb::ControlRequest request;
  ASSERT_TRUE(request.ParseFromString(bytes));
  if (request.has_init()) return handle(request.init());
  if (request.has_ping()) {
    pb::ControlResponse response;
    response.mutable_pong();
    return send(response);
  }
  if (request.has_inspect()) {
    pb::ControlResponse response;
    response.mutable_inspect()->set_request(request.inspect().request());
    response.mutable_inspect()->set_text(fmt::format("{} is held", name_));
    return send(response);
  }
  ASSERT_TRUE(initialized_) << "the first request must be Init";
  if (request.has_create_partial_graph()) handle(request.create_partial_graph());
  if (request.has_inject_barrier()) handle(request.inject_barrier());
  if (request.has_commit_epoch()) handle(request.commit_epoch());
  if (request.has_reset_partial_graphs()) handle(request.reset_partial_graphs());
  if (request.has_remove_partial_graphs()) handle(request.remove_partial_graphs());
  if (request.has_merge_partial_graph()) handle(request.merge_partial_graph());
  if (request.has_transfer_vnodes()) handle(request.transfer_vnodes());
}

void FakeCompute::handle(const pb::InitRequest& init) {
  if (init.leader_term() < disk_->highest_leader || init.node_id() != disk_->uuid || init.incarnation() != disk_->incarnation) {
    stream_->close(error(Code::Stale, "not for me"));
    stream_.reset();
    return;
  }
  const uint64_t terms = init.leader_term() - disk_->highest_leader;
  if (disk_->leader_id != 0 && static_cast<uint64_t>(init.leaders_size()) > terms) {
    EXPECT_EQ(init.leaders(static_cast<int>(terms)), disk_->leader_id)
        << "meta does not know the one that led in term " << disk_->highest_leader;
  }
  ASSERT_GT(init.leaders_size(), 0);
  disk_->highest_leader = init.leader_term();
  disk_->leader_id = init.leaders(0);
  cluster_ = init.cluster_id();
  graphs_.clear();
  std::set<uint64_t> live;
  for (const pb::SegmentRef& ref : init.live_segments()) {
    live.insert(ref.sequence());
    EXPECT_TRUE(disk_->segments.contains(ref.sequence()) || disk_->flushed_marks.contains(ref.sequence()))
        << name_ << " lacks segment " << ref.sequence() << ", which meta lists";
  }
  EXPECT_LE(init.highest_segment(), disk_->next_sequence);
  std::erase_if(disk_->segments, [&](const auto& segment) { return !live.contains(segment.first); });
  initialized_ = true;
  pb::ControlResponse response;
  response.mutable_init()->set_protocol_version(init.protocol_version());
  response.mutable_init()->set_min_supported(init.min_supported());
  response.mutable_init()->set_node_id(disk_->uuid);
  response.mutable_init()->set_incarnation(disk_->incarnation);
  send(response);
}

void FakeCompute::handle(const pb::CreatePartialGraph& create) {
  ASSERT_FALSE(graphs_.contains(create.graph().id())) << "graph " << create.graph().id() << " is created twice";
  Graph& graph = graphs_[create.graph().id()];
  graph.term = create.graph().term();
  graph.chain_end = create.committed_epoch();
  std::set<uint64_t> adopted;
  for (const pb::SegmentRef& ref : create.segments()) adopted.insert(ref.sequence());
  if (create.has_trunk()) {
    const auto trunk = graphs_.find(create.trunk().id());
    ASSERT_TRUE(trunk != graphs_.end() && trunk->second.term == create.trunk().term()) << name_ << " creates a job without its database";
    graph.trunk = create.trunk().id();
    graph.rows = trunk->second.rows;
    graph.state = trunk->second.state;
  } else {
    graph.rows = disk_->flushed;
    graph.state = disk_->flushed_state;
    for (const pb::SegmentRef& ref : create.segments()) adopt(graph, ref, create.committed_epoch());
  }
  std::erase_if(disk_->segments, [&](const auto& segment) {
    return segment.second.ref.graph().id() == create.graph().id() && !adopted.contains(segment.first);
  });
}

void FakeCompute::adopt(Graph& graph, const pb::SegmentRef& ref, uint64_t committed) {
  EXPECT_LE(ref.epoch(), committed);
  disk_->committed.insert(ref.sequence());
  const auto segment = disk_->segments.find(ref.sequence());
  if (segment == disk_->segments.end()) {
    EXPECT_TRUE(disk_->flushed_marks.contains(ref.sequence())) << name_ << " lacks segment " << ref.sequence();
    return;
  }
  for (const auto& [split, rows] : segment->second.rows) graph.rows[split] = std::max(graph.rows[split], rows);
  for (const auto& [vnode, epoch] : segment->second.state) graph.state[vnode] = std::max(graph.state[vnode], epoch);
}

namespace {

/// What the fakes look at, of all mutations that share the barrier.
pb::InjectBarrier taken_apart(const pb::InjectBarrier& sent) {
  pb::InjectBarrier out = sent;
  pb::Mutation& whole = *out.mutable_barrier()->mutable_mutation();
  for (const pb::Mutation& one : sent.barrier().mutation().combined().mutations()) {
    EXPECT_FALSE(one.has_combined());
    EXPECT_FALSE(one.has_update()) << "an Update shares no barrier";
    whole.mutable_stop()->MergeFrom(one.stop());
    for (const auto& [actor, splits] : one.source_change_split().splits()) {
      (*whole.mutable_source_change_split()->mutable_splits())[actor] = splits;
    }
  }
  whole.mutable_stop()->mutable_actors()->MergeFrom(whole.update().dropped_actors());
  return out;
}

}  // namespace

void FakeCompute::handle(const pb::InjectBarrier& sent) {
  const pb::InjectBarrier inject = taken_apart(sent);
  const auto found = graphs_.find(inject.graph().id());
  if (found == graphs_.end() || found->second.term != inject.graph().term()) {
    ADD_FAILURE() << name_ << ": barrier for graph " << inject.graph().id() << " term " << inject.graph().term() << ", which is not here";
    return;
  }
  Graph& graph = found->second;
  if (graph.failed) return;
  const auto& epoch = inject.barrier().epoch();
  EXPECT_EQ(epoch.prev(), graph.chain_end);
  EXPECT_GT(epoch.curr(), epoch.prev());
  EXPECT_EQ(inject.barrier().kind() == pb::BARRIER_INITIAL, !graph.has_initial);
  graph.has_initial = true;
  graph.chain_end = epoch.curr();
  auto& seen = ledger_.barriers[{inject.graph().term(), epoch.prev()}];
  if (seen.injected.empty()) {
    // Joining nodes repeat the epoch the others are in; everything else is new.
    ledger_.currs.insert(epoch.curr());
  }
  seen.injected.insert(name_);
  build(graph, inject);
  const std::set<uint32_t> owed(inject.actors_to_collect().begin(), inject.actors_to_collect().end());
  std::set<uint32_t> expected = graph.actors;
  for (const auto& [id, other] : graphs_) {
    if (other.merged && other.trunk == inject.graph().id()) expected.insert(other.actors.begin(), other.actors.end());
  }
  EXPECT_EQ(owed, expected) << name_ << " at " << epoch.prev();
  for (const uint32_t actor : inject.barrier().mutation().stop().actors()) graph.actors.erase(actor);
  graph.held.push_back(inject);
  if (!held_) drain(graph);
}

void FakeCompute::drain(Graph& graph) {
  while (!graph.held.empty()) {
    const pb::InjectBarrier next = graph.held.front();
    graph.held.pop_front();
    complete(graph, next);
  }
}

void FakeCompute::handle(const pb::MergePartialGraph& merge) {
  ASSERT_TRUE(graphs_.contains(merge.from().id()) && graphs_.contains(merge.into().id())) << name_;
  Graph& from = graphs_.at(merge.from().id());
  const Graph& into = graphs_.at(merge.into().id());
  EXPECT_EQ(from.term, merge.from().term());
  EXPECT_EQ(into.term, merge.into().term());
  EXPECT_EQ(from.trunk, merge.into().id());
  EXPECT_EQ(from.chain_end, merge.epoch());
  EXPECT_EQ(into.chain_end, merge.epoch());
  ++ledger_.merges;
  if (from.failed) {  // the two have crossed: it is the other's failure now
    send_failure(merge.into().id(), 0, "what was merged had failed", 50);
    from.merged = true;
    return;
  }
  from.merged = true;
  if (from.held.empty()) hand_over(merge.from().id());
}

// What is in flight of a merged graph is over: its actors are the other graph's.
void FakeCompute::hand_over(uint64_t id) {
  Graph& from = graphs_.at(id);
  Graph& into = graphs_.at(from.trunk);
  into.actors.insert(from.actors.begin(), from.actors.end());
  from.actors.clear();
  for (auto& [actor, rows] : from.by_actor) {
    for (const auto& [split, read] : rows) into.rows[split] = read;
    into.by_actor[actor] = std::move(rows);
  }
  from.by_actor.clear();
  for (const auto& [vnode, epoch] : from.state) into.state[vnode] = std::max(into.state[vnode], epoch);
  into.owned.merge(from.owned);
  into.table_base.merge(from.table_base);
  if (from.staged.empty()) graphs_.erase(id);
}

void FakeCompute::build(Graph& graph, const pb::InjectBarrier& inject) {
  const uint64_t prev = inject.barrier().epoch().prev();
  const bool recovered = inject.barrier().kind() == pb::BARRIER_INITIAL;
  for (const pb::BuildFragment& fragment : inject.build()) {
    std::vector<uint32_t> tables;
    find_tables(fragment.root(), tables);
    if (fragment.root().has_materialize()) {
      const int columns = fragment.root().materialize().table().columns_size();
      const auto known = ledger_.columns.try_emplace({fragment.job_id(), graph.term}, columns).first;
      EXPECT_EQ(known->second, columns) << name_ << " job " << fragment.job_id() << ": two plans in one term";
    }
    for (const pb::BuildActor& actor : fragment.actors()) {
      EXPECT_TRUE(graph.actors.insert(actor.actor_id()).second) << "actor " << actor.actor_id() << " is built twice";
      graph.table_base[actor.actor_id()] = fragment.table_base();
      if (fragment.backfill_waits()) graph.waiting[actor.actor_id()] = fragment.fragment_id();
      for (const uint32_t table : tables) {
        for (const VNode vnode : VNodeBitmap::from_bytes(fragment.vnode_count(), actor.vnodes()).value().list()) {
          const std::pair at(fragment.table_base() + table, vnode);
          (fragment.awaits_vnodes() ? graph.awaited : graph.owned)[actor.actor_id()].push_back(at);
          // The heart of it: who owns a vnode has what was last written to it, wherever that was, no more and no less.
          if (recovered && !ledger_.left_out.contains(at.first)) {
            EXPECT_EQ(graph.state[at], prev) << name_ << " table " << at.first << " vnode " << vnode;
          }
        }
      }
      for (const pb::Split& split : actor.splits()) {
        const uint64_t rows = split.offset().empty() ? 0 : std::stoull(split.offset());
        const FakeSplit at{fragment.table_base(), split.number()};
        graph.by_actor[actor.actor_id()][at] = rows;
        EXPECT_EQ(rows, recovered ? ledger_.positions[prev][at] : 0) << name_ << " actor " << actor.actor_id() << " split " << split.id();
        if (recovered) ++ledger_.recoveries;
      }
    }
  }
}

void FakeCompute::start_backfills(Graph& graph, const pb::Mutation& mutation) {
  for (const pb::Mutation& one : mutation.combined().mutations()) start_backfills(graph, one);
  for (const uint32_t fragment : mutation.start_backfill().fragments()) {
    ledger_.backfills_started += std::erase_if(graph.waiting, [&](const auto& waiting) { return waiting.second == fragment; });
  }
}

void FakeCompute::complete(Graph& graph, const pb::InjectBarrier& inject) {
  pb::ControlResponse response;
  pb::BarrierComplete& complete = *response.mutable_barrier_complete();
  *complete.mutable_graph() = inject.graph();
  complete.set_epoch(inject.barrier().epoch().prev());
  complete.set_kind(inject.barrier().kind());
  for (const auto& [number, given] : inject.barrier().mutation().source_change_split().splits()) {
    if (!graph.actors.contains(number)) continue;
    for (const pb::Split& split : given.splits()) {
      const FakeSplit at{graph.table_base[number], split.number()};
      const uint64_t offset = split.offset().empty() ? 0 : std::stoull(split.offset());
      if (graph.by_actor[number].try_emplace(at, offset).second) {
        EXPECT_EQ(offset, ledger_.last_position(at)) << name_ << " actor " << number << " split " << split.id();
      }
    }
  }
  if (inject.barrier().kind() != pb::BARRIER_INITIAL) {
    for (auto& [actor, splits] : graph.by_actor) {
      pb::SourceProgress* progress = complete.add_sources();
      progress->set_actor_id(actor);
      progress->set_source_id(1);
      for (auto& [at, rows] : splits) {
        const uint32_t number = at.second;
        rows = std::min(rows + 1, kRows);
        graph.rows[at] = ledger_.positions[complete.epoch()][at] = rows;
        pb::Split* split = progress->add_splits();
        split->set_id(fmt::format("file-{}", number));
        split->set_number(number);
        split->set_offset(std::to_string(rows));
        split->set_rows(rows);
        split->set_finished(rows == kRows);
      }
    }
  }
  for (const uint32_t actor : graph.actors) {
    pb::CreateProgress* progress = complete.add_create_progress();
    progress->set_actor_id(actor);
    progress->set_done(!graph.waiting.contains(actor) && ++graph.barriers[actor] > ledger_.backfill_barriers);
  }
  start_backfills(graph, inject.barrier().mutation());
  if (inject.barrier().kind() == pb::BARRIER_CHECKPOINT) write_segment(graph, inject, complete);
  ledger_.barriers[{inject.graph().term(), complete.epoch()}].completed.insert(name_);
  for (const uint32_t actor : inject.barrier().mutation().stop().actors()) {
    graph.by_actor.erase(actor);
    graph.owned.erase(actor);
  }
  send(response);
}

void FakeCompute::write_segment(Graph& graph, const pb::InjectBarrier& inject, pb::BarrierComplete& complete) {
  FakeDisk::Segment segment;
  segment.ref.set_sequence(disk_->next_sequence++);
  segment.ref.set_epoch(complete.epoch());
  *segment.ref.mutable_graph() = inject.graph();
  segment.rows = graph.rows;
  const auto write = [&](const Graph& owner) {
    for (const auto& [actor, owned] : owner.owned) {
      for (const auto& at : owned) graph.state[at] = segment.state[at] = complete.epoch();
    }
  };
  write(graph);
  for (const auto& [id, other] : graphs_) {
    if (other.merged && other.trunk == inject.graph().id()) write(other);
  }
  *complete.add_segments()->mutable_ref() = segment.ref;
  graph.staged[complete.epoch()].push_back(segment.ref.sequence());
  disk_->segments[segment.ref.sequence()] = segment;
  for (const auto& [sequence, database] : disk_->flushed_marks) {
    if (database == static_cast<uint32_t>(inject.graph().id())) complete.add_flushed_segments(sequence);
  }
}

void FakeCompute::handle(const pb::CommitEpoch& commit) {
  const auto found = graphs_.find(commit.graph().id());
  if (found == graphs_.end() || found->second.term != commit.graph().term()) return;
  if (commit.vnodes_here()) return take_vnodes(found->second, commit);
  ++ledger_.commits;
  for (const uint64_t sequence : commit.struck_off()) disk_->flushed_marks.erase(sequence);
  take_committed(commit.graph(), commit.epoch());
  for (const pb::GraphId& graph : commit.with()) take_committed(graph, commit.epoch());
  // Every few segments the committed ones go to the sorted store in one step.
  if (disk_->committed.empty() || *disk_->committed.rbegin() % 4 != 0) return;
  for (const uint64_t sequence : std::exchange(disk_->committed, {})) {
    const auto segment = disk_->segments.find(sequence);
    if (segment == disk_->segments.end()) continue;
    for (const auto& [split, rows] : segment->second.rows) disk_->flushed[split] = std::max(disk_->flushed[split], rows);
    for (const auto& [vnode, epoch] : segment->second.state) disk_->flushed_state[vnode] = std::max(disk_->flushed_state[vnode], epoch);
    disk_->flushed_marks[sequence] = static_cast<uint32_t>(segment->second.ref.graph().id());
    disk_->segments.erase(segment);
  }
}

// Who begins on vnodes now has what was last written to them, wherever that was.
void FakeCompute::take_vnodes(Graph& graph, const pb::CommitEpoch& commit) {
  for (const pb::SegmentRef& ref : commit.adopt()) adopt(graph, ref, commit.epoch());
  for (auto& [actor, owned] : std::exchange(graph.awaited, {})) {
    for (const auto& at : owned) {
      if (!ledger_.left_out.contains(at.first)) {
        EXPECT_EQ(graph.state[at], commit.epoch()) << name_ << " table " << at.first << " vnode " << at.second;
      }
    }
    graph.owned[actor] = std::move(owned);
  }
}

void FakeCompute::take_committed(const pb::GraphId& id, uint64_t epoch) {
  const auto& barrier = ledger_.barriers[{id.term(), epoch}];
  EXPECT_EQ(barrier.completed, barrier.injected) << "epoch " << epoch << " is committed before every node completed it";
  const auto found = graphs_.find(id.id());
  ASSERT_TRUE(found != graphs_.end() && found->second.term == id.term()) << name_ << ": a commit with graph " << id.id();
  auto& staged = found->second.staged;
  for (auto at = staged.begin(); at != staged.end() && at->first <= epoch; at = staged.erase(at)) {
    disk_->committed.insert(at->second.begin(), at->second.end());
  }
  if (found->second.merged && found->second.actors.empty() && staged.empty()) graphs_.erase(found);
}

void FakeCompute::handle(const pb::ResetPartialGraphs& reset) {
  for (const pb::GraphId& id : reset.graphs()) {
    std::erase_if(graphs_, [&](const auto& graph) { return graph.second.merged && graph.second.trunk == id.id(); });
    graphs_.erase(id.id());
    pb::ControlResponse response;
    *response.mutable_reset_partial_graph()->mutable_graph() = id;
    send(response);
  }
}

void FakeCompute::handle(const pb::RemovePartialGraphs& remove) {
  for (const pb::GraphId& id : remove.graphs()) {
    EXPECT_TRUE(graphs_.at(id.id()).held.empty());
    EXPECT_TRUE(graphs_.at(id.id()).actors.empty());
    graphs_.erase(id.id());
  }
}

// What the old owners have is read at once; the answer takes its time.
void FakeCompute::handle(const pb::TransferVnodes& transfer) {
  ++(transfer.ahead() ? ledger_.copies : ledger_.transfers);
  pb::ControlResponse response;
  pb::VnodesTransferred& answer = *response.mutable_vnodes_transferred();
  *answer.mutable_graph() = transfer.graph();
  answer.set_epoch(transfer.epoch());
  FakeDisk::Segment segment;
  segment.ref.set_sequence(disk_->next_sequence++);
  segment.ref.set_epoch(transfer.epoch());
  *segment.ref.mutable_graph() = transfer.graph();
  for (const pb::VnodeTransfer& part : transfer.parts()) {
    const auto from = ledger_.computes.find(part.from());
    if (from == ledger_.computes.end() || !from->second->graphs_.contains(transfer.graph().id())) {
      answer.set_failed(true);
      answer.mutable_error()->set_message(part.from() + " is away");
      continue;
    }
    if (transfer.ahead()) {  // changes come with the transfer; sometimes it could not be done
      answer.set_failed(runtime_.random() % 4 == 0);
      answer.mutable_error()->set_message("no space");
      continue;
    }
    const Graph& old = from->second->graphs_.at(transfer.graph().id());
    for (const uint32_t table : part.tables()) {
      for (const VNode vnode : VNodeBitmap::from_bytes(part.vnode_count(), part.vnodes()).value().list()) {
        const auto has = old.state.find({table, vnode});
        EXPECT_TRUE(has != old.state.end() && has->second == transfer.epoch()) << part.from() << " table " << table << " vnode " << vnode;
        segment.state[{table, vnode}] = transfer.epoch();
      }
    }
  }
  if (!answer.failed() && !transfer.ahead()) {
    *answer.add_segments()->mutable_ref() = segment.ref;
    disk_->segments[segment.ref.sequence()] = segment;
  }
  timers_.push_back(runtime_.after(std::chrono::milliseconds(runtime_.random() % 300), *executor_, [self = shared_from_this(), response] {
    if (!self->stopped_ && self->initialized_) self->send(response);
  }));
}

void FakeCompute::hold(bool held) {
  executor_->post([self = shared_from_this(), held] {
    self->held_ = held;
    if (held) return;
    // Those of jobs that are being created have higher numbers than their databases.
    std::vector<uint64_t> ids;
    for (const auto& [id, graph] : self->graphs_) ids.push_back(id);
    std::ranges::reverse(ids);
    for (const uint64_t id : ids) {
      self->drain(self->graphs_.at(id));
      if (self->graphs_.at(id).merged) self->hand_over(id);
    }
  });
}

void FakeCompute::send_failure(uint64_t id, uint32_t actor, const std::string& message, uint32_t score) {
  pb::ControlResponse response;
  auto* failure = response.mutable_partial_graph_failure();
  failure->mutable_graph()->set_id(id);
  failure->mutable_graph()->set_term(graphs_.at(id).term);
  failure->mutable_error()->set_actor_id(actor);
  failure->mutable_error()->set_message(message);
  failure->mutable_error()->set_score(score);
  send(response);
}

void FakeCompute::send_failure(uint32_t actor, const std::string& message) {
  executor_->post([self = shared_from_this(), actor, message] {
    const auto has = [&](const auto& graph) { return graph.second.actors.contains(actor); };
    const bool known = std::ranges::any_of(self->graphs_, has);
    for (const auto& graph : self->graphs_) {
      if (known ? has(graph) : graph.second.trunk == 0) self->send_failure(graph.first, actor, message, 100);
    }
  });
}

void FakeCompute::fail_creating(uint32_t score) {
  executor_->post([self = shared_from_this(), score] {
    for (auto& [id, graph] : self->graphs_) {
      if (graph.trunk == 0 || graph.merged || std::exchange(graph.failed, true)) continue;
      self->send_failure(id, graph.actors.empty() ? 0 : *graph.actors.begin(), "it fails while it is being created", score);
    }
  });
}

void FakeCompute::send_shutdown() {
  executor_->post([self = shared_from_this()] {
    pb::ControlResponse response;
    response.mutable_shutdown();
    self->send(response);
  });
}

}  // namespace penstock::meta::testing
