#include "bench/control/html_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace penstock::bench {
namespace {

constexpr double kHeight = 230, kLeft = 66, kRight = 26, kTop = 12, kBottom = 34;

// A round step that makes four to eight of `value`.
double nice_step(double value) {
  const double scale = std::pow(10, std::floor(std::log10(value / 4)));
  for (const double step : {5.0, 2.0, 1.0}) {
    if (step * scale * 4 <= value * 1.000001) return step * scale;
  }
  return scale;
}

// What was broken, each thing once: "restart db (3 times), cut wire".
std::string marked(const std::vector<std::pair<double, std::string>>& marks) {
  std::map<std::string, int> times;
  for (const auto& [value, text] : marks) ++times[text];
  std::string all;
  for (const auto& [text, count] : times) all += (all.empty() ? "" : ", ") + text + (count > 1 ? fmt::format(" ({} times)", count) : "");
  return all;
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
  if (high <= 0) high = 1;
  const double step = nice_step(high);
  const int steps = static_cast<int>(std::ceil(high / step - 1e-6));
  PlotAxis axis{.name = std::move(name), .ticks = {}, .low = 0, .high = step * steps};
  for (int i = 0; i <= steps; ++i) axis.ticks.emplace_back(step * i, short_number(step * i));
  return axis;
}

PlotAxis log_axis(std::string name, double low, double high) {
  PlotAxis axis{.name = std::move(name),
                .ticks = {},
                .low = std::pow(10, std::floor(std::log10(low))),
                .high = std::pow(10, std::ceil(std::log10(high))),
                .logarithmic = true};
  if (axis.high <= axis.low) axis.high = axis.low * 10;
  const bool few = axis.high / axis.low < 1001;  // then 2 and 5 as well
  for (double decade = axis.low; decade <= axis.high * 1.001; decade *= 10) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor > 1 && (!few || decade >= axis.high * 0.999)) continue;
      axis.ticks.emplace_back(decade * factor, short_number(decade * factor));
    }
  }
  return axis;
}

std::string plot(const std::string& caption, const PlotAxis& x, const PlotAxis& y, const std::vector<PlotLine>& lines,
                 const std::vector<std::pair<double, std::string>>& marks) {
  const auto px = [&](double v) { return kLeft + x.share(v) * (kPlotWidth - kLeft - kRight); };
  const auto py = [&](double v) { return kHeight - kBottom - y.share(v) * (kHeight - kTop - kBottom); };
  std::string svg = fmt::format(
      "<figure><svg width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" role=\"img\" aria-label=\"{2}\" font-size=\"12\">",
      kPlotWidth, kHeight, html_escape(caption));
  for (const auto& [value, text] : y.ticks) {
    svg += fmt::format(
        "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" "
        "class=\"grid\"/><text x=\"{:.1f}\" y=\"{:.1f}\" "
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
  for (const auto& [value, text] : marks) {
    if (value < x.low || value > x.high) continue;
    svg += fmt::format("<line class=\"mark\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"><title>{3}</title></line>",
                       px(value), kTop, kHeight - kBottom, html_escape(text));
  }
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
    keys += fmt::format(" <span class=\"line\"><span class=\"key\" style=\"background:{}\"></span>{}</span>", line.color,
                        html_escape(line.name));
  }
  if (std::ranges::any_of(lines, &PlotLine::dashed)) keys += " (dashed: from when it was due)";
  if (!marks.empty()) keys += fmt::format(" <span class=\"markkey\">|</span> {}", html_escape(marked(marks)));
  return svg + fmt::format("</svg><figcaption>{}{}</figcaption></figure>\n", html_escape(caption), keys);
}

}  // namespace penstock::bench
