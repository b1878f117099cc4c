#pragma once

#include <fmt/format.h>

#include <string>

#include "common/ids.h"
#include "meta/model/types.h"

/// Keys of the MetaStore. Numbers are decimal with leading zeros, so that rows scan in order of numbers.
///
///     counter/NAME                     decimal text          see `Counter`
///     database/ID                      pb.Database
///     object/ID                        pb.CatalogObject
///     job/ID                           pb.JobRecord
///     placement/JOB                    pb.JobPlacement
///     split/JOB/SOURCE/NUMBER          pb.JobSplit
///     numbered_split/SOURCE/NUMBER     pb.NumberedSplit
///     worker/ID                        pb.WorkerRecord
///     segment/GRAPH/WORKER/SEQUENCE    pb.SegmentRecord
///     graph/ID                         pb.GraphRecord
///     event/SEQUENCE                   pb.EventRecord
namespace penstock::meta::keys {

[[nodiscard]] inline std::string database(DatabaseId id) { return fmt::format("database/{:010}", id); }
[[nodiscard]] inline std::string object(ObjectId id) { return fmt::format("object/{:010}", id); }
[[nodiscard]] inline std::string job(JobId id) { return fmt::format("job/{:010}", id); }
[[nodiscard]] inline std::string placement(JobId id) { return fmt::format("placement/{:010}", id); }
[[nodiscard]] inline std::string split(JobId job, ObjectId source, uint32_t number) {
  return fmt::format("split/{:010}/{:010}/{:010}", job, source, number);
}
[[nodiscard]] inline std::string numbered_split(ObjectId source, uint32_t number) {
  return fmt::format("numbered_split/{:010}/{:010}", source, number);
}
[[nodiscard]] inline std::string worker(WorkerId id) { return fmt::format("worker/{:010}", id); }
[[nodiscard]] inline std::string segment(PartialGraphId graph, WorkerId worker, uint64_t sequence) {
  return fmt::format("segment/{:020}/{:010}/{:020}", graph, worker, sequence);
}
[[nodiscard]] inline std::string graph(PartialGraphId id) { return fmt::format("graph/{:020}", id); }
[[nodiscard]] inline std::string event(uint64_t sequence) { return fmt::format("event/{:020}", sequence); }
}  // namespace penstock::meta::keys
