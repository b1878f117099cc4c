#include "bench/control/html_plot.h"

#include <fmt/format.h>

#include <algorithm>

namespace penstock::bench {
namespace {

constexpr double kHeight = 230, kLeft = 66, kRight = 26, kTop = 12, kBottom = 34;

double nice_top(double value) {
  if (value <= 0) return 1;
  const double scale = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1.0, 2.0, 5.0, 10.0}) {
    if (step * scale >= value) return step * scale;
  }
  return value;
}

}  // namespace

double PlotAxis::share(double value) const {
  if (logarithmic) return (std::log(std::max(value, low)) - std::log(low)) / (std::log(high) - std::log(low));
  return (value - low) / (high - low);
}

std::string html_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string short_number(double value) {
  if (value >= 1e9) return fmt::format("{:.3g}G", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.3g}M", value / 1e6);
  if (value >= 1e4) return fmt::format("{:.3g}k", value / 1e3);
  return fmt::format("{:.4g}", value);
}

PlotAxis linear_axis(std::string name, double high) {
  PlotAxis axis{.name = std::move(name), .ticks = {}, .low = 0, .high = nice_top(high)};
  for (int i = 0; i <= 4; ++i) axis.ticks.emplace_back(axis.high * i / 4, short_number(axis.high * i / 4));
  return axis;
}

PlotAxis log_axis(std::string name, double low, double high) {
  PlotAxis axis{.name = std::move(name),
                .ticks = {},
                .low = std::pow(10, std::floor(std::log10(low))),
                .high = std::pow(10, std::ceil(std::log10(high))),
                .logarithmic = true};
  if (axis.high <= axis.low) axis.high = axis.low * 10;
  for (double tick = axis.low; tick <= axis.high * 1.001; tick *= 10) axis.ticks.emplace_back(tick, short_number(tick));
  return axis;
}

std::string plot(const std::string& caption, const PlotAxis& x, const PlotAxis& y, const std::vector<PlotLine>& lines) {
  const auto px = [&](double v) { return kLeft + x.share(v) * (kPlotWidth - kLeft - kRight); };
  const auto py = [&](double v) { return kHeight - kBottom - y.share(v) * (kHeight - kTop - kBottom); };
  std::string svg = fmt::format(
      "<figure><svg width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" role=\"img\" aria-label=\"{2}\" font-size=\"11\" "
      "fill=\"#5a6675\">",
      kPlotWidth, kHeight, html_escape(caption));
  for (const auto& [value, text] : y.ticks) {
    svg += fmt::format(
        "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" "
        "stroke=\"#e6eaef\"/><text x=\"{:.1f}\" y=\"{:.1f}\" "
        "text-anchor=\"end\">{}</text>",
        kLeft, kPlotWidth - kRight, py(value), py(value), kLeft - 6, py(value) + 4, text);
  }
  for (const auto& [value, text] : x.ticks)
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>", px(value), kHeight - 18, text);
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>", (kLeft + kPlotWidth) / 2, kHeight - 4,
                     html_escape(x.name));
  svg += fmt::format(
      "<text x=\"12\" y=\"{0:.1f}\" text-anchor=\"middle\" "
      "transform=\"rotate(-90 12 {0:.1f})\">{1}</text>",
      kHeight / 2, html_escape(y.name));
  for (const PlotLine& line : lines) {
    std::string points;
    for (const auto& [vx, vy] : line.points) points += fmt::format("{:.1f},{:.1f} ", px(vx), py(vy));
    svg += fmt::format(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" "
        "stroke-width=\"1.8\"{}/>",
        points, line.color, line.dashed ? " stroke-dasharray=\"5 4\"" : "");
    if (line.points.size() == 1)
      svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>", px(line.points[0].first), py(line.points[0].second),
                         line.color);
  }
  std::string keys;
  for (const PlotLine& line : lines) {
    if (line.dashed) continue;  // its colour is named by the line that is not
    keys += fmt::format("<span class=\"key\" style=\"background:{}\"></span>{}", line.color, html_escape(line.name));
  }
  if (std::ranges::any_of(lines, &PlotLine::dashed)) keys += " (dashed: from when it was due)";
  return svg + fmt::format("</svg><figcaption>{}{}</figcaption></figure>\n", html_escape(caption), keys);
}

}  // namespace penstock::bench
