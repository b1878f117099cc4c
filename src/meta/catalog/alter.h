#pragma once

#include <optional>
#include <string>

#include "common/error.h"
#include "meta/model/meta_model.h"
#include "proto/meta_service.pb.h"

/// Statements that change what exists become transactions: pure. What they change is in force once `CheckpointControl` has compared it with
/// what runs; a recovery builds from it anyway.
namespace penstock::meta::catalog {

/// Holds a database or one job, or lets it go on; an empty transaction if it is so already.
/// Errors: `UndefinedDatabase`, `UndefinedObject`, `WrongObjectType` for a job that has no source and no backfill.
[[nodiscard]] Result<Txn> plan_pause(const MetaModel& model, const pb::PauseRequest& request, bool paused);

/// The rate is written into the plans of all jobs it concerns. Errors: `UndefinedObject`, `WrongObjectType` for what reads nothing that
/// could be limited.
[[nodiscard]] Result<Txn> plan_throttle(const MetaModel& model, const pb::ThrottleRequest& request);

/// The options are written into the plans of all jobs that read the source. Errors: `UndefinedObject`, `WrongObjectType`.
[[nodiscard]] Result<Txn> plan_alter_source(const MetaModel& model, const pb::AlterSourceRequest& request);

/// Errors: `UndefinedDatabase`.
[[nodiscard]] Result<Txn> plan_alter_database(const MetaModel& model, const pb::AlterDatabaseRequest& request);

/// Errors: `UndefinedObject`, `DuplicateTable`.
[[nodiscard]] Result<Txn> plan_rename(const MetaModel& model, const pb::RenameObjectRequest& request);

/// The database an object is in; 0 if it is gone.
[[nodiscard]] DatabaseId database_of(const MetaModel& model, ObjectId object);

/// Calls `visit` for every node below `node`, itself included; inputs after the node they feed.
template <typename Node, typename Visit>
void for_each_node(Node& node, const Visit& visit) {
  visit(node);
  if constexpr (std::is_const_v<Node>) {
    for (const auto& input : node.input()) for_each_node(input, visit);
  } else {
    for (auto& input : *node.mutable_input()) for_each_node(input, visit);
  }
}

}  // namespace penstock::meta::catalog
