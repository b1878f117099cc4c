#include "meta/service/source_watch.h"

#include "common/log.h"
#include "meta/service/meta_loop.h"

namespace penstock::meta {

void SourceWatch::begin() {
  timer_ = loop_.runtime().after(loop_.options().source_list_interval, loop_.executor(), [self = loop_.shared_from_this()] {
    self->sources().look();
    self->sources().begin();
  });
}

void SourceWatch::stop() {
  timer_.cancel();
  waiting_.clear();
}

void SourceWatch::list(const std::vector<ObjectId>& sources, Listed done) {
  std::vector<pb::CatalogObject> objects;
  for (const ObjectId source : sources) {
    const pb::CatalogObject* object = loop_.model().object(source);
    if (object == nullptr || object->kind() != pb::OBJECT_SOURCE) {
      return done(error(Code::UndefinedObject, "source {} does not exist", source));
    }
    objects.push_back(*object);
  }
  if (objects.empty()) return done(std::map<ObjectId, SourceListing>{});
  if (!loop_.options().list_splits) return done(error(Code::NotSupported, "this meta was started without connectors"));
  loop_.off_loop([objects = std::move(objects), lister = loop_.options().list_splits, done = std::move(done)]() mutable -> runtime::Job {
    Result<std::map<ObjectId, SourceListing>> out = std::map<ObjectId, SourceListing>{};
    for (const pb::CatalogObject& object : objects) {
      auto listing = lister(object);
      if (listing.has_error()) {
        out = listing.error().with_context("source " + object.name());
        break;
      }
      out.value()[ObjectId{object.id()}] = std::move(listing).value();
    }
    return [out = std::move(out), done = std::move(done)]() mutable { done(std::move(out)); };
  });
}

void SourceWatch::look() {
  std::set<ObjectId> read;
  for (const auto& [id, plan] : loop_.model().jobs()) {
    for (const ObjectId source : plan->sources()) read.insert(source);
  }
  for (const ObjectId source : read) {
    if (finite_.contains(source) || !listing_.insert(source).second) continue;
    list({source}, [this, source](Result<std::map<ObjectId, SourceListing>> result) {
      listing_.erase(source);
      if (result.has_error()) return on_listed(source, result.error());
      on_listed(source, std::move(result.value().at(source)));
    });
  }
}

void SourceWatch::on_listed(ObjectId source, const Result<SourceListing>& listing) {
  if (listing.has_error()) {
    log::warn("meta", "cannot list source {}: {}", source, listing.error());
    return;
  }
  if (listing.value().finite) {
    finite_.insert(source);
    return;
  }
  loop_.submit(
      [this, source, splits = listing.value().splits]() -> Result<Txn> {
        if (loop_.model().object(source) == nullptr) return Txn{};
        return adopt_listing(loop_.model(), source, splits);
      },
      [this, source](const Status&) {
        for (const auto& [id, plan] : loop_.model().jobs()) {
          if (plan->reads(source)) loop_.enqueue(plan->database(), CommandQueued{ChangeSplits{id}});
        }
      });
}

void SourceWatch::wait_for_end(ObjectId source, PendingReply reply) {
  list({source}, [this, source, reply = std::move(reply)](Result<std::map<ObjectId, SourceListing>> result) mutable {
    if (result.has_error()) return reply.fail(result.error());
    if (!result.value().at(source).finite) {
      return reply.fail(
          error(Code::WrongObjectType, "source {} follows for ever: it has no end to wait for", loop_.model().object(source)->name()));
    }
    finite_.insert(source);
    start_waiting(source, std::move(reply));
  });
}

void SourceWatch::start_waiting(ObjectId source, PendingReply reply) {
  Waiting waiting{source, {}, std::move(reply)};
  for (const auto& [id, plan] : loop_.model().jobs()) {
    if (plan->reads(source)) waiting.jobs.insert(id);
  }
  if (waiting.jobs.empty()) {
    const pb::CatalogObject* object = loop_.model().object(source);
    return waiting.reply.fail(error(Code::Stale, "no job reads source {}", object != nullptr ? object->name() : "(dropped)")
                                  .with_hint("create a materialized view, table or sink that reads it first"));
  }
  waiting_.push_back(std::move(waiting));
  on_progress();
}

void SourceWatch::on_progress() {
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    std::erase_if(at->jobs, [&](JobId job) { return has_ended(at->source, job); });
    if (const pb::CatalogObject* stuck = quarantined(at->jobs)) {
      at->reply.fail(error(Code::Stale, "{} will not read on: {}", stuck->name(), stuck->state_reason()));
      at = waiting_.erase(at);
      continue;
    }
    if (!at->jobs.empty()) {
      ++at;
      continue;
    }
    const pb::CatalogObject* object = loop_.model().object(at->source);
    if (object == nullptr) {
      at->reply.fail(error(Code::UndefinedObject, "the source was dropped"));
    } else {
      pb::WaitForSourceResponse response;
      response.set_committed_epoch(loop_.model().committed(graph_of(DatabaseId{object->database_id()})).value);
      at->reply.answer(response);
    }
    at = waiting_.erase(at);
  }
}

const pb::CatalogObject* SourceWatch::quarantined(const std::set<JobId>& jobs) const {
  for (const JobId job : jobs) {
    const pb::CatalogObject* object = loop_.model().object(job);
    if (object != nullptr && object->state() == pb::JOB_QUARANTINED) return object;
  }
  return nullptr;
}

// A job that is gone waits for nobody.
bool SourceWatch::has_ended(ObjectId source, JobId job) const {
  if (!loop_.model().job(job)) return true;
  if (loop_.model().placement(job) == nullptr) return false;
  for (const auto& [key, split] : loop_.model().splits(job)) {
    if (key.first == source && !split.split.finished()) return false;
  }
  return true;
}

}  // namespace penstock::meta
