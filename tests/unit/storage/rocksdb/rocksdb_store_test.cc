#include "unit/storage/branch_suite.h"
#include "unit/storage/rocksdb/rocksdb_harness.h"
#include "unit/storage/store_model.h"
#include "unit/storage/store_recovery_suite.h"
#include "unit/storage/store_suite.h"

namespace penstock::storage::testing {

const StoreParam kRocksDb{"rocksdb", [] { return std::make_unique<RocksDbHarness>(); }};

INSTANTIATE_TEST_SUITE_P(Stores, StoreSuite, ::testing::Values(kRocksDb), [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Stores, BranchSuite, ::testing::Values(kRocksDb), [](const auto& info) { return info.param.name; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BranchModel);

TEST(RocksDbStore, agrees_with_a_map_under_random_operations_and_crashes) { run_model(kRocksDb, seeds_from_env(20)); }

}  // namespace penstock::storage::testing
