#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "meta/model/meta_model.h"
#include "proto/control_stream.pb.h"
#include "proto/inspect.pb.h"

namespace penstock::meta {

/// What meta and its nodes know, for a diagnosis.
struct DoctorFacts {
  struct Node {
    std::string name;
    std::string endpoint;
    bool alive = false;
    std::optional<pb::NodeFacts> said{};  // nothing: it did not answer
    std::string problem{};                // why not
    std::set<uint64_t> segments{};        // that meta lists
  };
  int64_t asked_micros = 0;   // meta's clock when the nodes were asked
  int64_t meta_micros = 0;    // and when they had answered
  int64_t caller_micros = 0;  // the clock of who asks; 0: not said
  std::map<WorkerId, Node> nodes;
  std::map<std::string, std::string> job_errors{};   // job -> its last failure
  std::map<std::string, std::string> quarantined{};  // job -> why
  pb::Pressure own_disk{};                           // meta's, as it was when its level changed last
  pb::AwaitTreeReply tree;
};

/// Each check gives one finding, or one a node or job; each that is not "ok" says what to do. Pure.
[[nodiscard]] pb::DoctorReply diagnose(const DoctorFacts& facts);

/// Sequence numbers of all segments that meta lists, by node.
[[nodiscard]] std::map<WorkerId, std::set<uint64_t>> listed_segments(const MetaModel& model);

}  // namespace penstock::meta
