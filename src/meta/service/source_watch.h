#pragma once

#include <list>
#include <map>
#include <set>

#include "common/ids.h"
#include "meta/meta_node.h"
#include "meta/service/pending_reply.h"

namespace penstock::meta {

class MetaLoop;

/// Sources of a running meta: lists their splits, looks through followed ones again and again, and knows who waits for a source's end.
/// Used on the loop only; listing runs on the blocking pool.
class SourceWatch {
 public:
  explicit SourceWatch(MetaLoop& loop) : loop_(loop) {}
  SourceWatch(const SourceWatch&) = delete;
  SourceWatch& operator=(const SourceWatch&) = delete;

  void begin();
  void stop();
  /// Lists each source; `done` on the loop, with the first error if there was one.
  using Listed = absl::AnyInvocable<void(Result<std::map<ObjectId, SourceListing>>)>;
  void list(const std::vector<ObjectId>& sources, Listed done);
  /// Answered when every job that reads the source at this moment has committed the end of every split, or is dropped.
  void wait_for_end(ObjectId source, PendingReply reply);
  /// Something was committed, or jobs are gone.
  void on_progress();

 private:
  struct Waiting {
    ObjectId source;
    std::set<JobId> jobs;
    PendingReply reply;
  };
  void look();
  void on_listed(ObjectId source, const Result<SourceListing>& listing);
  void start_waiting(ObjectId source, PendingReply reply);
  [[nodiscard]] const pb::CatalogObject* quarantined(const std::set<JobId>& jobs) const;
  [[nodiscard]] bool has_ended(ObjectId source, JobId job) const;

  MetaLoop& loop_;
  runtime::Timer timer_;
  std::set<ObjectId> finite_;   // found to be: not looked through again
  std::set<ObjectId> listing_;  // under way
  std::list<Waiting> waiting_;
};

}  // namespace penstock::meta
