// Who reads the changes of which job. The catalog says who shall; the barrier that brings what runs in line with it says who comes (Add)
// and who goes (DropSubscriptions), and actors that are built are told who is there. A subscription is usable once a commit says after
// which epoch all changes are in the log: that of the first Checkpoint at whose barrier, or before, its job began to write them.
#include "meta/barrier/checkpoint_control.h"
#include "meta/catalog/subscriptions.h"

namespace penstock::meta {
namespace {

pb::Subscriber subscriber_of(const pb::CatalogObject& subscription) {
  pb::Subscriber out;
  out.set_subscription(subscription.id());
  out.set_job(subscription.depends_on(0));
  out.set_log_table(subscription.log_table());
  out.set_retention_ms(subscription.retention_ms());
  return out;
}

bool same(const pb::Subscriber& a, const pb::Subscriber& b) {
  return a.log_table() == b.log_table() && a.retention_ms() == b.retention_ms();
}

}  // namespace

/// The graph is about to run as the catalog says; of jobs that are not in it nothing is noted.
void CheckpointControl::take_subscribers() {
  subscribers_.clear();
  subscribing_.clear();
  for (const auto& [id, object] : env_.model.objects()) {
    if (object.kind() != pb::OBJECT_SUBSCRIPTION || object.database_id() != database_.value) continue;
    if (graph_.job(JobId{object.depends_on(0)}) == nullptr) continue;
    subscribers_[JobId{object.depends_on(0)}][id] = subscriber_of(object);
    if (object.log_since() == 0) subscribing_.insert(id);
  }
}

void CheckpointControl::change_subscribers(Injection& injection) {
  const auto before = std::move(subscribers_);
  take_subscribers();
  pb::DropSubscriptionsMutation drop;
  pb::AddMutation add;
  std::string dropped, added;
  const auto find = [](const auto& of_jobs, JobId job, ObjectId id) -> const pb::Subscriber* {
    const auto subscribers = of_jobs.find(job);
    if (subscribers == of_jobs.end()) return nullptr;
    const auto found = subscribers->second.find(id);
    return found == subscribers->second.end() ? nullptr : &found->second;
  };
  for (const auto& [job, subscribers] : before) {
    if (graph_.job(job) == nullptr || env_.model.object(job) == nullptr) continue;  // else its Stop comes
    for (const auto& [id, subscriber] : subscribers) {
      const pb::Subscriber* now = find(subscribers_, job, id);
      if (now != nullptr && now->log_table() == subscriber.log_table()) continue;
      pb::DroppedSubscriber* out = drop.add_subscribers();
      out->set_subscription(id.value);
      out->set_job(job.value);
      dropped += fmt::format(" {}", id);
    }
    const uint32_t table = subscribers.begin()->second.log_table();
    const auto now = subscribers_.find(job);
    if (now == subscribers_.end() || now->second.begin()->second.log_table() != table) injection.dropped_tables.push_back(table);
  }
  for (const auto& [job, subscribers] : subscribers_) {
    for (const auto& [id, subscriber] : subscribers) {
      const pb::Subscriber* then = find(before, job, id);
      if (then != nullptr && same(*then, subscriber)) continue;
      *add.add_subscribers() = subscriber;
      added += fmt::format(" {}", id);
    }
  }
  if (!dropped.empty()) *injection.add("drop subscriptions" + dropped).mutable_drop_subscriptions() = std::move(drop);
  if (!added.empty()) *injection.add("subscribe" + added).mutable_add() = std::move(add);
}

void CheckpointControl::tell_subscribers(pb::BuildFragment& fragment) const {
  const auto subscribers = subscribers_.find(JobId{fragment.job_id()});
  if (subscribers == subscribers_.end()) return;
  for (const auto& [id, subscriber] : subscribers->second) *fragment.add_subscribers() = subscriber;
}

}  // namespace penstock::meta
