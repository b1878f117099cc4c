#pragma once

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

/// SVG plots for the HTML page: no script, nothing loaded from anywhere.
namespace penstock::bench {

inline constexpr std::array<const char*, 10> kPlotColors = {"#1f6feb", "#d2691e", "#1c7a3e", "#8250df", "#b42318",
                                                            "#0f766e", "#a16207", "#be185d", "#475569", "#4d7c0f"};
inline constexpr double kPlotWidth = 500;

struct PlotLine {
  std::string name;
  const char* color;
  std::vector<std::pair<double, double>> points;
  bool dashed = false;  // its colour is named by the line that is not
};

struct PlotAxis {
  std::string name;
  std::vector<std::pair<double, std::string>> ticks;
  double low = 0, high = 1;
  bool logarithmic = false;
  /// 0 at the low end, 1 at the high one.
  [[nodiscard]] double share(double value) const;
};

[[nodiscard]] PlotAxis linear_axis(std::string name, double high);
[[nodiscard]] PlotAxis log_axis(std::string name, double low, double high);
/// "1.23k".
[[nodiscard]] std::string short_number(double value);
[[nodiscard]] std::string html_escape(std::string_view text);

/// A figure with its caption, which names the lines by their colours. `marks`: moments on the x axis at which something was done.
[[nodiscard]] std::string plot(const std::string& caption, const PlotAxis& x, const PlotAxis& y, const std::vector<PlotLine>& lines,
                               const std::vector<std::pair<double, std::string>>& marks = {});

}  // namespace penstock::bench
