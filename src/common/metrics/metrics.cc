#include "common/metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "common/mutex.h"

namespace penstock::metrics {
namespace {

// A barrier of an idle playground takes a millisecond, one behind a sync on a slow disk takes seconds.
const prometheus::Histogram::BucketBoundaries kBuckets = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                          0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30,    60};

class PromCounter final : public Counter {
 public:
  explicit PromCounter(prometheus::Counter& counter) : counter_(counter) {}
  void add(double amount) override { counter_.Increment(amount); }
  [[nodiscard]] double value() const override { return counter_.Value(); }

 private:
  prometheus::Counter& counter_;
};

class PromHistogram final : public Histogram {
 public:
  explicit PromHistogram(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void observe(double seconds) override { histogram_.Observe(seconds); }
  [[nodiscard]] prometheus::Histogram* inner() const { return &histogram_; }

 private:
  prometheus::Histogram& histogram_;
};

class PromSamples final : public Samples {
 public:
  void gauge(std::string_view name, std::string_view help, Labels labels, double value) override {
    add(prometheus::MetricType::Gauge, name, help, std::move(labels)).gauge.value = value;
  }
  void counter(std::string_view name, std::string_view help, Labels labels, double value) override {
    add(prometheus::MetricType::Counter, name, help, std::move(labels)).counter.value = value;
  }
  [[nodiscard]] std::vector<prometheus::MetricFamily> families() const {
    std::vector<prometheus::MetricFamily> out;
    out.reserve(families_.size());
    for (const auto& [name, family] : families_) out.push_back(family);
    return out;
  }

 private:
  prometheus::ClientMetric& add(prometheus::MetricType type, std::string_view name, std::string_view help, const Labels& labels) {
    auto& family = families_[std::string(name)];
    if (family.metric.empty()) family = {std::string(name), std::string(help), type, {}};
    auto& metric = family.metric.emplace_back();
    for (auto& [key, value] : labels) metric.label.push_back({key, value});
    return metric;
  }
  std::map<std::string, prometheus::MetricFamily> families_;
};

}  // namespace

class Registry::Impl {
 public:
  Counter& counter(const std::string& name, const std::string& help, const Labels& labels) {
    const MutexLock lock(mutex_);
    auto& slot = counters_[{name, labels}];
    if (!slot) slot = std::make_unique<PromCounter>(prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(labels));
    return *slot;
  }
  Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels) {
    const MutexLock lock(mutex_);
    auto& slot = histograms_[{name, labels}];
    if (!slot.second) {
      slot.first = &prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
      slot.second = std::make_unique<PromHistogram>(slot.first->Add(labels, kBuckets));
    }
    return *slot.second;
  }
  void remove(const Histogram& histogram) {
    const MutexLock lock(mutex_);
    for (auto at = histograms_.begin(); at != histograms_.end(); ++at) {
      if (at->second.second.get() != &histogram) continue;
      at->second.first->Remove(at->second.second->inner());
      histograms_.erase(at);
      return;
    }
  }
  [[nodiscard]] std::vector<prometheus::MetricFamily> collect() const { return registry_.Collect(); }

 private:
  using Key = std::pair<std::string, Labels>;
  prometheus::Registry registry_{prometheus::Registry::InsertBehavior::Merge};
  Mutex mutex_;
  std::map<Key, std::unique_ptr<PromCounter>> counters_ ABSL_GUARDED_BY(mutex_);
  std::map<Key, std::pair<prometheus::Family<prometheus::Histogram>*, std::unique_ptr<PromHistogram>>> histograms_ ABSL_GUARDED_BY(mutex_);
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;
Counter& Registry::counter(const std::string& name, const std::string& help, const Labels& labels) {
  return impl_->counter(name, help, labels);
}
Histogram& Registry::histogram(const std::string& name, const std::string& help, const Labels& labels) {
  return impl_->histogram(name, help, labels);
}
void Registry::remove(const Histogram& histogram) { impl_->remove(histogram); }

std::unique_ptr<Samples> Registry::begin_text() const { return std::make_unique<PromSamples>(); }

std::string Registry::finish_text(Samples& samples) const {
  std::vector<prometheus::MetricFamily> families = impl_->collect();
  for (prometheus::MetricFamily& family : static_cast<PromSamples&>(samples).families()) families.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace penstock::metrics
