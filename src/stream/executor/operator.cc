#include "stream/executor/operator.h"

#include "common/check.h"

namespace penstock::stream {

Result<Step> Operator::resume(Output& /*out*/) { PENSTOCK_CHECK(false, "an operator was resumed that had answered Done"); }

Operator::StateRead Operator::take_state_read() { PENSTOCK_CHECK(false, "a state read was taken from an operator that asked for none"); }

size_t Operator::evict(size_t /*bytes*/) { return 0; }

}  // namespace penstock::stream
