#include "stream/task/local_stream_manager.h"

#include "proto/control_stream.pb.h"
#include "stream/exchange/local_channel.h"
#include "stream/executor/operator_tree.h"

namespace penstock::stream {

using storage::GraphTerm;

namespace {

/// Says so when the last holder lets go.
class AllOver {
 public:
  explicit AllOver(absl::AnyInvocable<void()> done) : done_(std::move(done)) {}
  AllOver(const AllOver&) = delete;
  AllOver& operator=(const AllOver&) = delete;
  ~AllOver() { done_(); }

 private:
  absl::AnyInvocable<void()> done_;
};

/// The merge that reads `link`; null if there is none.
const pb::StreamNode* merge_of(const pb::StreamNode& node, uint32_t operator_base, uint32_t link) {
  if (node.has_merge() && operator_base + node.operator_id() == link) return &node;
  for (const pb::StreamNode& input : node.input()) {
    if (const pb::StreamNode* found = merge_of(input, operator_base, link)) return found;
  }
  return nullptr;
}

std::vector<data::DataType> types_of_link(const pb::BuildFragment& plan, uint32_t link) {
  std::vector<data::DataType> types;
  const pb::StreamNode* merge = merge_of(plan.root(), plan.operator_base(), link);
  for (int i = 0; merge != nullptr && i < merge->fields_size(); ++i) {
    types.emplace_back(static_cast<data::TypeKind>(merge->fields(i).type().kind()));
  }
  return types;
}

}  // namespace

void LocalStreamManager::set_worker(WorkerId worker) {
  MutexLock lock(mutex_);
  worker_ = worker;
}

void LocalStreamManager::set_remote(RemoteInput& remote) {
  MutexLock lock(mutex_);
  remote_ = &remote;
}

void LocalStreamManager::start_graph(GraphTerm graph) {
  auto dml = environment_.dml.registry_of(graph);
  MutexLock lock(mutex_);
  table_.start(graph, std::move(dml));
}

void LocalStreamManager::stop_graph(GraphTerm graph, absl::AnyInvocable<void()> done) {
  end_graph(graph, GraphTable::End::ForGood, std::move(done));
}

void LocalStreamManager::remove_graph(GraphTerm graph, absl::AnyInvocable<void()> done) {
  end_graph(graph, GraphTable::End::Here, std::move(done));
}

void LocalStreamManager::end_graph(GraphTerm graph, GraphTable::End end, absl::AnyInvocable<void()> done) {
  GraphTable::Stopped stopped;
  {
    MutexLock lock(mutex_);
    stopped = table_.stop(graph, end);
  }
  for (const auto& actor : stopped.actors) actor->request_stop();
  for (AttachedOutput& output : stopped.parked) {
    output.sender->close(error(Code::Closed, "graph {} term {} was stopped", graph.graph, graph.term));
  }
  for (const auto& actor : stopped.actors) actor->wake_to_stop();
  if (stopped.lives.empty()) return done();
  // Kept by each life; the last that is over lets it go.
  const auto all_over = std::make_shared<AllOver>(std::move(done));
  for (const auto& life : stopped.lives) life->when_over([all_over] {});
}

void LocalStreamManager::merge_graph(GraphTerm graph, GraphTerm into) {
  std::vector<std::pair<std::shared_ptr<Actor>, AttachedOutput>> found;
  {
    MutexLock lock(mutex_);
    table_.merge(graph, into, found);
  }
  for (auto& [actor, output] : found) actor->attach_output(std::move(output));
}

void LocalStreamManager::build(GraphTerm graph, std::shared_ptr<const pb::BuildFragment> plan, EpochPair first,
                               std::shared_ptr<LocalBarrierManager> manager) {
  std::shared_ptr<GraphLife> life;
  {
    MutexLock lock(mutex_);
    life = table_.life_of(graph);
  }
  if (!life) return;  // reset meanwhile
  const FragmentPlan fragment{plan, std::make_shared<const FragmentNames>(FragmentNames{plan->job_name(), operator_names(plan->root())})};
  for (int index = 0; index < plan->actors_size(); ++index) {
    environment_.runtime.blocking().post(
        [this, job = BuildJob{graph, fragment, index, first, manager, life}]() mutable { build_one(std::move(job)); });
  }
}

void LocalStreamManager::build_one(BuildJob job) {
  const Status built = build_and_start(job);
  if (!built.has_error()) return;
  const pb::BuildFragment& fragment = *job.fragment.plan;
  const ActorId actor{fragment.actors(job.index).actor_id()};
  job.manager->notify_failure(actor, built.error().with_context(fmt::format("actor {} of fragment {}, job {}", actor,
                                                                            fragment.fragment_id(), fragment.job_name())));
}

Status LocalStreamManager::build_and_start(BuildJob& job) {
  const Actor::Environment environment{environment_.runtime, environment_.store, job.life->dml(), environment_.memory, *this};
  PENSTOCK_TRY(const std::shared_ptr<Actor> actor,
               Actor::make(environment, job.graph, job.fragment, job.fragment.plan->actors(job.index), job.manager, job.life));
  PENSTOCK_TRY(actor->build(environment_.build_tree, job.first));
  std::vector<AttachedOutput> parked;
  PENSTOCK_TRY(open_inputs(*actor));
  {
    MutexLock lock(mutex_);
    if (!table_.add(job.graph, actor, parked)) return ok();  // reset meanwhile: the actor goes as it came
  }
  for (AttachedOutput& output : parked) actor->attach_output(std::move(output));
  actor->start();
  return ok();
}

Status LocalStreamManager::open_inputs(Actor& actor) {
  WorkerId own;
  RemoteInput* remote = nullptr;
  {
    MutexLock lock(mutex_);
    own = worker_;
    remote = remote_;
  }
  const ActorContext& context = actor.context();
  size_t fan_in = 0;
  for (const pb::UpstreamActors& link : actor.plan().upstreams()) fan_in += static_cast<size_t>(link.actors_size());
  const size_t budget = channel_budget(fan_in);

  Merge& merge = actor.merge();
  merge.mailbox()->set_meter(meter_);
  merge.reserve(fan_in);
  size_t kept_back = 0;
  if (context.pace) {
    merge.set_pace(environment_.runtime, context.pace, budget, fan_in);
    kept_back = ReceiveWindow(budget, fan_in).kept_back();
  }
  for (const pb::UpstreamActors& link : actor.plan().upstreams()) {
    PENSTOCK_TRY(const size_t leaf, actor.leaf_of(link.link()));
    for (const pb::ActorInfo& upstream : link.actors()) {
      const ActorId from{upstream.actor_id()};
      const GraphTerm graph{PartialGraphId{upstream.graph().id()}, Term{upstream.graph().term()}};
      const uint32_t channel = merge.add_channel({from, FragmentId{link.fragment_id()}, static_cast<uint32_t>(leaf)});
      if (WorkerId{upstream.worker_id()} == own) {
        LocalChannel ends = make_local_channel(merge.mailbox(), channel, budget, from, context.actor, kept_back);
        merge.set_receiver(channel, std::move(ends.receiver));
        connect({graph, from, {context.actor, link.link(), std::move(ends.sender)}});
      } else if (remote != nullptr) {
        const RemoteUpstream wanted{.endpoint = upstream.endpoint(),
                                    .worker = WorkerId{upstream.worker_id()},
                                    .graph = graph,
                                    .upstream = from,
                                    .down_graph = context.graph,
                                    .downstream = context.actor,
                                    .edge = context.fragment,
                                    .link = link.link(),
                                    .types = types_of_link(actor.fragment_plan(), link.link())};
        merge.set_receiver(channel, remote->open(wanted, merge.mailbox(), channel, budget, kept_back));
      } else {
        return error(Code::Protocol, "actor {} is on worker {}, and this node knows no other", from, upstream.worker_id());
      }
    }
  }
  return actor.check_links();
}

void LocalStreamManager::connect(OutputRequest request) {
  GraphTable::Answer answer;
  {
    MutexLock lock(mutex_);
    answer = table_.connect(request);
  }
  if (answer.refused) {
    request.output.sender->close(*answer.refused);
  } else if (answer.actor) {
    answer.actor->attach_output(std::move(request.output));
  }
}

void LocalStreamManager::actor_ended(GraphTerm graph, ActorId actor) {
  MutexLock lock(mutex_);
  table_.remove(graph, actor);
}

std::vector<ActorStatus> LocalStreamManager::status() const {
  std::vector<std::shared_ptr<Actor>> actors;
  {
    MutexLock lock(mutex_);
    actors = table_.actors();
  }
  std::vector<ActorStatus> all;
  all.reserve(actors.size());
  for (const auto& actor : actors) all.push_back(actor->status());
  return all;
}

uint64_t LocalStreamManager::refused_requests() const {
  MutexLock lock(mutex_);
  return table_.refused_requests();
}

size_t LocalStreamManager::parked_requests() const {
  MutexLock lock(mutex_);
  return table_.parked_requests();
}

}  // namespace penstock::stream
