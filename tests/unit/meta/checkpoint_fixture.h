#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include "unit/meta/control_world.h"

namespace penstock::meta::testing {

/// Two nodes of one core each. Ids: objects from 1, tables from 1, actors from 1, as they are made.
class CheckpointControlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.start_clock();
    world_.nodes(2);
    world_.start();
  }
  void run(std::string_view script) { world_.run(script); }
  /// Table 1 with actors 1 (node 1) and 2 (node 2) runs; the clock is at 0, the last barrier began epoch 3.
  void with_table() {
    world_.add(table("t"));
    run(R"(
      ready 1     =>
      ready 2     =>
      create 1    => 1:create(0), 1:initial 0..0, 2:create(0), 2:initial 0..0, 1:checkpoint 0..1 a1 b1 +add, 2:checkpoint 0..1 a2 b2 +add
    )");
  }
  /// The same, its first barrier committed.
  void with_running_table() {
    with_table();
    run(R"(
      collect 1   =>
      collect 2   =>
      collect 1   =>
      collect 2   => commit 0
      commit      => 1:committed 0, 2:committed 0, created 1
    )");
  }

  ControlWorld world_{{.command_patience = {}}};  // a command does not wait for others to share its barrier
};

}  // namespace penstock::meta::testing
