#pragma once

#include "common/metrics/metrics.h"

namespace penstock::http {

/// Memory, processor time, descriptors and start of this process, under the names Prometheus' own clients use, as /proc tells them.
/// What cannot be read is left out.
void sample_process(metrics::Samples& out);

}  // namespace penstock::http
