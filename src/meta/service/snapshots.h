#pragma once

#include "meta/barrier/checkpoint_control.h"
#include "meta/cluster/cluster.h"
#include "meta/model/meta_model.h"
#include "proto/meta_service.pb.h"

/// What frontends are told, from what meta knows. Pure.
namespace penstock::meta {

void fill_workers(const MetaModel& model, const Cluster& cluster, google::protobuf::RepeatedPtrField<pb::WorkerInfo>* out);
/// Of every table that can be read, once somebody owns it durably.
void fill_placements(const MetaModel& model, google::protobuf::RepeatedPtrField<pb::TablePlacement>* out);
void fill_status(const CheckpointControl& control, pb::DatabaseStatus* out);
void fill_term_end(const TermEnded& end, pb::TermEnd* out);

}  // namespace penstock::meta
