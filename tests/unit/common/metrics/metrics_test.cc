#include "common/metrics/metrics.h"

#include <gtest/gtest.h>

namespace penstock::metrics {
namespace {

std::string text_of(const Registry& registry) {
  return registry.text([](Samples&) {});
}

bool has_line(const std::string& text, const std::string& line) { return ("\n" + text).find("\n" + line + "\n") != std::string::npos; }

TEST(Metrics, count_under_their_name_and_labels) {
  Registry registry;
  registry.counter("things_total", "Things", {{"kind", "a"}}).add();
  registry.counter("things_total", "Things", {{"kind", "b"}}).add(2.5);
  registry.counter("things_total", "Things", {{"kind", "a"}}).add();
  const std::string text = text_of(registry);
  EXPECT_TRUE(has_line(text, "# HELP things_total Things")) << text;
  EXPECT_TRUE(has_line(text, "# TYPE things_total counter")) << text;
  EXPECT_TRUE(has_line(text, "things_total{kind=\"a\"} 2")) << text;
  EXPECT_TRUE(has_line(text, "things_total{kind=\"b\"} 2.5")) << text;
}

TEST(Metrics, of_one_name_and_labels_are_one) {
  Registry registry;
  EXPECT_EQ(&registry.histogram("h", "", {{"a", "1"}}), &registry.histogram("h", "", {{"a", "1"}}));
  EXPECT_NE(&registry.histogram("h", "", {{"a", "1"}}), &registry.histogram("h", "", {{"a", "2"}}));
}

TEST(Metrics, histograms_count_seconds_in_growing_buckets) {
  Registry registry;
  Histogram& histogram = registry.histogram("wait_seconds", "Waits");
  histogram.observe(0.0002);
  histogram.observe(0.3);
  histogram.observe(1000);
  const std::string text = text_of(registry);
  EXPECT_TRUE(has_line(text, "wait_seconds_bucket{le=\"0.0001\"} 0")) << text;
  EXPECT_TRUE(has_line(text, "wait_seconds_bucket{le=\"0.00025\"} 1")) << text;
  EXPECT_TRUE(has_line(text, "wait_seconds_bucket{le=\"0.5\"} 2")) << text;
  EXPECT_TRUE(has_line(text, "wait_seconds_bucket{le=\"60\"} 2")) << text;
  EXPECT_TRUE(has_line(text, "wait_seconds_bucket{le=\"+Inf\"} 3")) << text;
  EXPECT_TRUE(has_line(text, "wait_seconds_count 3")) << text;
}

TEST(Metrics, of_what_is_gone_are_forgotten_and_may_come_again) {
  Registry registry;
  Histogram& gone = registry.histogram("h_seconds", "", {{"fragment", "1"}});
  registry.histogram("h_seconds", "", {{"fragment", "2"}}).observe(1);
  gone.observe(1);
  registry.remove(gone);
  EXPECT_EQ(text_of(registry).find("fragment=\"1\""), std::string::npos);
  EXPECT_NE(text_of(registry).find("fragment=\"2\""), std::string::npos);
  registry.histogram("h_seconds", "", {{"fragment", "1"}}).observe(1);
  EXPECT_TRUE(has_line(text_of(registry), "h_seconds_count{fragment=\"1\"} 1"));
}

TEST(Metrics, samples_are_the_values_of_the_moment) {
  const Registry registry;
  double level = 1;
  const auto sample = [&](Samples& out) {
    out.gauge("level", "Level", {{"x", "quote\" and \\ and\nline"}}, level);
    out.gauge("level", "Level", {{"x", "other"}}, 7);
    out.counter("seen_total", "Seen", {}, 3);
  };
  std::string text = registry.text(sample);
  EXPECT_TRUE(has_line(text, R"(level{x="quote\" and \\ and\nline"} 1)")) << text;
  EXPECT_TRUE(has_line(text, "level{x=\"other\"} 7")) << text;
  EXPECT_TRUE(has_line(text, "# TYPE level gauge")) << text;
  EXPECT_EQ(text.find("# TYPE level"), text.rfind("# TYPE level")) << "one family, however many samples";
  EXPECT_TRUE(has_line(text, "# TYPE seen_total counter")) << text;
  level = 2;
  text = registry.text(sample);
  EXPECT_NE(text.find("} 2\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace penstock::metrics
