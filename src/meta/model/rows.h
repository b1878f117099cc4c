#pragma once

#include <string>

#include "meta/model/meta_model.h"
#include "meta/store/meta_store.h"

/// Writes of a transaction, one a row; the other direction is `MetaModel::apply`.
namespace penstock::meta::rows {

void put_counter(Txn& txn, Counter counter, uint64_t value);
void put(Txn& txn, const pb::Database& database);
void put(Txn& txn, const pb::CatalogObject& object);
void put(Txn& txn, const pb::JobRecord& job);
void put_placement(Txn& txn, JobId job, const JobPlacement& placement);
void put_split(Txn& txn, JobId job, ObjectId source, const JobSplit& split);
void put_numbered_split(Txn& txn, ObjectId source, uint32_t number, const std::string& id);
void put(Txn& txn, const pb::WorkerRecord& worker);
void put_segment(Txn& txn, PartialGraphId graph, WorkerId worker, const pb::SegmentRef& ref);
void put_committed(Txn& txn, GraphTerm graph, Epoch epoch);
void put(Txn& txn, const pb::EventRecord& event);

}  // namespace penstock::meta::rows
