#include "bench/workload/workload.h"

#include <cmath>
#include <numbers>

#include "bench/workload/chaos_workload.h"
#include "bench/workload/object_workload.h"
#include "bench/workload/state_workload.h"
#include "bench/workload/stream_workload.h"

namespace penstock::bench {

std::unique_ptr<Workload> make_workload(const WorkloadOptions& options, RunResources& resources, const std::atomic<bool>& stop) {
  if (const auto* object = std::get_if<ObjectOptions>(&options)) return std::make_unique<ObjectWorkload>(*object, resources);
  if (const auto* stream = std::get_if<StreamOptions>(&options)) return std::make_unique<StreamWorkload>(*stream, resources, stop);
  if (const auto* chaos = std::get_if<ChaosOptions>(&options)) return std::make_unique<ChaosWorkload>(*chaos, resources, stop);
  return std::make_unique<StateWorkload>(std::get<StateOptions>(options), resources);
}

WeightedChoice::WeightedChoice(const std::vector<std::string>& kinds, const std::map<std::string, uint32_t>& weights) {
  uint64_t sum = 0;
  for (const std::string& kind : kinds) {
    const auto found = weights.find(kind);
    sum += found == weights.end() ? 0 : found->second;
    ends_.push_back(sum);
  }
}

uint32_t WeightedChoice::pick(uint64_t random) const {
  const uint64_t point = random % ends_.back();
  return static_cast<uint32_t>(std::ranges::upper_bound(ends_, point) - ends_.begin());
}

// Box and Muller's normal variate, raised to e.
uint64_t draw_size(const SizeOptions& size, uint64_t random_a, uint64_t random_b) {
  if (size.sigma == 0) return size.median;
  const double u = (static_cast<double>(random_a >> 11U) + 1) / 9007199254740993.0;
  const double v = static_cast<double>(random_b >> 11U) / 9007199254740992.0;
  const double normal = std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  const double bytes = static_cast<double>(size.median) * std::exp(size.sigma * normal);
  const auto limit = static_cast<double>(size.max > 0 ? size.max : uint64_t{1} << 30U);
  return static_cast<uint64_t>(std::clamp(bytes, 1.0, limit));
}

}  // namespace penstock::bench
