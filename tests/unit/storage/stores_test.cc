#include "unit/storage/branch_suite.h"
#include "unit/storage/log_harness.h"
#include "unit/storage/memory_harness.h"
#include "unit/storage/store_model.h"
#include "unit/storage/store_recovery_suite.h"
#include "unit/storage/store_suite.h"

namespace penstock::storage::testing {

const StoreParam kMemory{"memory", [] { return std::make_unique<MemoryHarness>(); }};
const StoreParam kLog{"epoch_log", [] { return std::make_unique<LogHarness>(); }};

INSTANTIATE_TEST_SUITE_P(Stores, StoreSuite, ::testing::Values(kMemory, kLog), [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Stores, BranchSuite, ::testing::Values(kMemory, kLog), [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Memory, BranchModel, ::testing::ValuesIn(with_seeds(kMemory, 100)),
                         [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Log, BranchModel, ::testing::ValuesIn(with_seeds(kLog, 100)), [](const auto& info) { return info.param.name; });

TEST(StoreModel, memory_agrees_with_a_map_under_random_operations_and_crashes) { run_model(kMemory, seeds_from_env(300)); }
TEST(StoreModel, the_epoch_log_agrees_with_a_map_under_random_operations_and_crashes) { run_model(kLog, seeds_from_env(300)); }

}  // namespace penstock::storage::testing
