#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Figures of a process for Prometheus. prometheus-cpp is behind this header and seen nowhere else.
///
/// Two ways in: what happens (counters, histograms) is recorded when it happens, on any thread; what is (gauges, and counters that a
/// component keeps anyway) is read when somebody asks, by a sampler that whoever owns the page calls.
namespace penstock::metrics {

using Labels = std::map<std::string, std::string>;

/// Only grows. Thread-safe.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double amount = 1) = 0;
  [[nodiscard]] virtual double value() const = 0;
};

/// Counts of seconds in buckets from 100 µs to 60 s. Thread-safe.
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double seconds) = 0;
};

/// What a sampler gives: the values of this moment.
class Samples {
 public:
  virtual ~Samples() = default;
  virtual void gauge(std::string_view name, std::string_view help, Labels labels, double value) = 0;
  virtual void counter(std::string_view name, std::string_view help, Labels labels, double value) = 0;
};

/// The figures that one process records. Thread-safe; it outlives everything that records.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// The one with this name and these labels; made at the first call. It lives until `remove` or as long as the registry.
  [[nodiscard]] Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
  [[nodiscard]] Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels = {});
  /// Forgets the histogram: what it was about is gone. The reference is dead afterwards.
  void remove(const Histogram& histogram);

  /// Everything recorded, and what `sample` gives, in Prometheus' text format 0.0.4.
  template <typename Sample>
  [[nodiscard]] std::string text(Sample&& sample) const {
    const auto samples = begin_text();
    sample(*samples);
    return finish_text(*samples);
  }

 private:
  class Impl;
  [[nodiscard]] std::unique_ptr<Samples> begin_text() const;
  [[nodiscard]] std::string finish_text(Samples& samples) const;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::metrics
