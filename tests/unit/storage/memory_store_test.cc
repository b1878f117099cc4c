#include "unit/storage/memory_harness.h"
#include "unit/storage/store_model.h"
#include "unit/storage/store_suite.h"

namespace penstock::storage::testing {

const StoreParam kMemory{"memory", [] { return std::make_unique<MemoryHarness>(); }};

INSTANTIATE_TEST_SUITE_P(Memory, StoreSuite, ::testing::Values(kMemory));

TEST(MemoryStateStore, agrees_with_a_map_under_random_operations_and_crashes) { run_model(kMemory, seeds_from_env(300)); }

}  // namespace penstock::storage::testing
