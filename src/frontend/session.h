#pragma once

#include <memory>
#include <string>

#include "frontend/frontend_node.h"

namespace penstock::frontend {

struct SessionIdentity {
  std::string database;
  DatabaseId database_id;
  std::string user;
};

/// A SQL session: binds statements against the catalog as meta last told it, sends definitions to meta, rows to computes, and reads views
/// at committed epochs that never decrease within the session and hold everything the session itself was told is committed.
[[nodiscard]] std::unique_ptr<SqlSession> make_session(const SessionServices& services, SessionIdentity identity);

}  // namespace penstock::frontend
