#include <algorithm>
#include <cmath>

#include "bench/control/results.h"
#include "common/version.h"

// One HTML file: tables and SVG plots, no script, nothing loaded from anywhere.
namespace penstock::bench {
namespace {

constexpr const char* kStyle =
    R"(body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#1c2430;background:#fff}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2.2em;border-bottom:1px solid #d5dbe3;padding-bottom:.2em}
table{border-collapse:collapse;margin:.8em 0;font-variant-numeric:tabular-nums;font-size:.9em}
th,td{padding:.25em .8em;text-align:right;border-bottom:1px solid #e6eaef}th{color:#5a6675;font-weight:600}
td:first-child,th:first-child,td.text,th.text{text-align:left}tr.all td{font-weight:600;background:#f4f7fa}
.plots{display:flex;flex-wrap:wrap;gap:1.2em}figure{margin:0}figcaption{color:#5a6675;font-size:.85em}
.bad{color:#a4262c}.good{color:#1c7a3e}.key{display:inline-block;width:.8em;height:.8em;margin:0 .35em 0 .9em;border-radius:2px}
pre{background:#f4f7fa;padding:1em;overflow:auto;font-size:.85em}@media print{body{max-width:none}})";

constexpr std::array<const char*, 10> kColors = {"#1f6feb", "#d2691e", "#1c7a3e", "#8250df", "#b42318",
                                                 "#0f766e", "#a16207", "#be185d", "#475569", "#4d7c0f"};
constexpr double kWidth = 500, kHeight = 230, kLeft = 66, kRight = 26, kTop = 12, kBottom = 34;

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

struct Line {
  std::string name;
  const char* color;
  std::vector<std::pair<double, double>> points;
  bool dashed = false;
};
struct Axis {
  std::string name;
  std::vector<std::pair<double, std::string>> ticks;
  double low = 0, high = 1;
  bool logarithmic = false;
  [[nodiscard]] double share(double value) const {
    if (logarithmic) return (std::log(std::max(value, low)) - std::log(low)) / (std::log(high) - std::log(low));
    return (value - low) / (high - low);
  }
};

double nice_top(double value) {
  if (value <= 0) return 1;
  const double scale = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1.0, 2.0, 5.0, 10.0}) {
    if (step * scale >= value) return step * scale;
  }
  return value;
}

Axis linear_axis(std::string name, double high) {
  Axis axis{.name = std::move(name), .ticks = {}, .low = 0, .high = nice_top(high)};
  for (int i = 0; i <= 4; ++i) axis.ticks.emplace_back(axis.high * i / 4, short_number(axis.high * i / 4));
  return axis;
}

Axis log_axis(std::string name, double low, double high) {
  Axis axis{.name = std::move(name),
            .ticks = {},
            .low = std::pow(10, std::floor(std::log10(low))),
            .high = std::pow(10, std::ceil(std::log10(high))),
            .logarithmic = true};
  if (axis.high <= axis.low) axis.high = axis.low * 10;
  for (double tick = axis.low; tick <= axis.high * 1.001; tick *= 10) axis.ticks.emplace_back(tick, short_number(tick));
  return axis;
}

std::string plot(const std::string& caption, const Axis& x, const Axis& y, const std::vector<Line>& lines) {
  const auto px = [&](double v) { return kLeft + x.share(v) * (kWidth - kLeft - kRight); };
  const auto py = [&](double v) { return kHeight - kBottom - y.share(v) * (kHeight - kTop - kBottom); };
  std::string svg = fmt::format(
      "<figure><svg width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" aria-label=\"{2}\" font-size=\"11\" "
      "fill=\"#5a6675\">",
      kWidth, kHeight, html_escape(caption));
  for (const auto& [value, text] : y.ticks) {
    svg += fmt::format(
        "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#e6eaef\"/><text x=\"{:.1f}\" y=\"{:.1f}\" "
        "text-anchor=\"end\">{}</text>",
        kLeft, kWidth - kRight, py(value), py(value), kLeft - 6, py(value) + 4, text);
  }
  for (const auto& [value, text] : x.ticks)
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>", px(value), kHeight - 18, text);
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>", (kLeft + kWidth) / 2, kHeight - 4,
                     html_escape(x.name));
  svg += fmt::format("<text x=\"12\" y=\"{0:.1f}\" text-anchor=\"middle\" transform=\"rotate(-90 12 {0:.1f})\">{1}</text>", kHeight / 2,
                     html_escape(y.name));
  for (const Line& line : lines) {
    std::string points;
    for (const auto& [vx, vy] : line.points) points += fmt::format("{:.1f},{:.1f} ", px(vx), py(vy));
    svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\"{}/>", points, line.color,
                       line.dashed ? " stroke-dasharray=\"5 4\"" : "");
    if (line.points.size() == 1)
      svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>", px(line.points[0].first), py(line.points[0].second),
                         line.color);
  }
  std::string keys;
  for (const Line& line : lines) {
    if (line.dashed) continue;  // its colour is named by the line that is not
    keys += fmt::format("<span class=\"key\" style=\"background:{}\"></span>{}", line.color, html_escape(line.name));
  }
  if (std::ranges::any_of(lines, &Line::dashed)) keys += " (dashed: from when it was due)";
  return svg + fmt::format("</svg><figcaption>{}{}</figcaption></figure>\n", html_escape(caption), keys);
}

/// The same stage in every run that has it.
struct StageInRuns {
  std::vector<std::pair<const RunFigures*, const StageFigures*>> runs;
};

std::string label_of(const RunFigures& run, const std::string& what, bool several) {
  if (!several) return what;
  return what.empty() ? run.run : run.run + " " + what;
}

std::string throughput_plot(const StageInRuns& stage) {
  std::vector<Line> lines;
  double top = 0, end = 1;
  for (const auto& [run, figures] : stage.runs) {
    Line line{label_of(*run, stage.runs.size() > 1 ? "" : "all agents", stage.runs.size() > 1), kColors[lines.size() % kColors.size()], {}};
    // The last second is seldom whole.
    const size_t whole = std::min(figures->timeline.size(), std::max<size_t>(1, static_cast<size_t>(figures->seconds)));
    for (size_t i = 0; i < whole; ++i) {
      const auto value = static_cast<double>(figures->timeline[i].operations());
      line.points.emplace_back(static_cast<double>(i) + 0.5, value);
      top = std::max(top, value);
      end = std::max(end, static_cast<double>(i) + 1);
    }
    if (!line.points.empty()) lines.push_back(std::move(line));
  }
  if (lines.empty()) return "";
  return plot("Throughput over time", linear_axis("seconds since the agents' start", end), linear_axis("operations/s", top), lines);
}

std::string latency_plot(const StageInRuns& stage) {
  static const std::vector<double> kPercents = {0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99};
  std::vector<Line> lines;
  double low = 1e12, high = 0;
  size_t kinds = 0;
  for (const auto& [run, figures] : stage.runs) {
    for (const auto& [name, operation] : figures->merged) {
      if (operation.latency.count() == 0) continue;
      const char* color = kColors[kinds++ % kColors.size()];
      const auto add = [&](const Histogram& histogram, bool dashed) {
        Line line{label_of(*run, name, stage.runs.size() > 1), color, {}, dashed};
        for (const double percent : kPercents) {
          const double value = std::max(1e-4, static_cast<double>(histogram.percentile(percent)) / 1e6);
          line.points.emplace_back(100 / (100 - percent), value);
          low = std::min(low, value);
          high = std::max(high, value);
        }
        lines.push_back(std::move(line));
      };
      add(operation.latency, false);
      if (operation.corrected.count() > 0) add(operation.corrected, true);
    }
  }
  if (lines.empty()) return "";
  Axis x{.name = "percentile",
         .ticks = {{1, "0"}, {2, "50"}, {10, "90"}, {100, "99"}, {1000, "99.9"}, {10000, "99.99"}},
         .low = 1,
         .high = 10000,
         .logarithmic = true};
  return plot("Latency by percentile", x, log_axis("milliseconds", low, high), lines);
}

std::string wait_plot(const StageInRuns& stage) {
  double longest = 0;
  size_t bars = 0;
  for (const auto& [run, figures] : stage.runs) {
    for (const AgentFigures& agent : figures->agents) longest = std::max(longest, agent.waited);
    bars += figures->agents.size();
  }
  if (bars == 0 || bars > 200) return "";
  const double height = 24.0 + static_cast<double>(bars) * 20, room = kWidth - 170 - 70;
  std::string svg = fmt::format(
      "<figure><svg width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" aria-label=\"Wait at the barrier\" font-size=\"11\" "
      "fill=\"#5a6675\">",
      kWidth, height);
  double y = 8;
  size_t color = 0;
  for (const auto& [run, figures] : stage.runs) {
    for (const AgentFigures& agent : figures->agents) {
      const double width = longest > 0 ? std::max(1.0, agent.waited / longest * room) : 1;
      svg += fmt::format(
          "<text x=\"160\" y=\"{:.0f}\" text-anchor=\"end\">{}</text><rect x=\"168\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"13\" rx=\"2\" "
          "fill=\"{}\"/><text x=\"{:.1f}\" y=\"{:.0f}\">{:.3f} s</text>",
          y + 11, html_escape(run->agents[agent.agent]), y, width, kColors[color % kColors.size()], 174 + width, y + 11, agent.waited);
      y += 20;
    }
    ++color;
  }
  return svg + "</svg><figcaption>Time each agent stood at the barrier after the stage</figcaption></figure>\n";
}

std::string table_row(const std::string& css, const std::string& who, const std::string& name, const OperationFigures& f, double seconds,
                      const std::string& remark) {
  const auto ms = [&](double percent) { return static_cast<double>(f.latency.percentile(percent)) / 1e6; };
  return fmt::format(
      "<tr class=\"{}\"><td>{}</td><td "
      "class=\"text\">{}</td><td>{}</td><td>{}</td><td>{:.1f}</td><td>{:.2f}</td><td>{:.3f}</td><td>{:.3f}</td><td>{:.3f}</td><td>{:.3f}</"
      "td><td>{}</td><td class=\"text\">{}</td></tr>\n",
      css, html_escape(who), html_escape(name), f.count, f.errors, seconds > 0 ? static_cast<double>(f.count) / seconds : 0,
      seconds > 0 ? static_cast<double>(f.bytes) / seconds / 1e6 : 0, ms(50), ms(99), ms(99.9), static_cast<double>(f.latency.max()) / 1e6,
      f.corrected.count() > 0 ? fmt::format("{:.3f}", static_cast<double>(f.corrected.percentile(99)) / 1e6) : "", html_escape(remark));
}

std::string stage_table(const StageInRuns& stage) {
  std::string html =
      "<table><tr><th>agent</th><th class=\"text\">operation</th><th>count</th><th>errors</th><th>per second</th><th>MB/s</th><th>p50 "
      "ms</th><th>p99 ms</th>"
      "<th>p99.9 ms</th><th>max ms</th><th>p99 ms from when due</th><th class=\"text\">remark</th></tr>\n";
  for (const auto& [run, figures] : stage.runs) {
    for (const AgentFigures& agent : figures->agents) {
      const std::string remark =
          agent.remark.empty() && !agent.counted ? "not counted" : agent.remark + (agent.counted ? "" : "; not counted");
      if (agent.operations.empty()) {
        html += fmt::format("<tr><td>{}</td><td class=\"text\">–</td><td colspan=\"9\"></td><td class=\"text\">{}</td></tr>\n",
                            html_escape(run->agents[agent.agent]),
                            html_escape(remark.empty() ? fmt::format("{:.2f} s", agent.seconds) : remark));
      }
      for (const auto& [name, operation] : agent.operations)
        html += table_row("", run->agents[agent.agent], name, operation, agent.seconds, remark);
    }
    for (const auto& [name, operation] : figures->merged)
      html += table_row("all", label_of(*run, "all", stage.runs.size() > 1), name, operation, figures->seconds, "");
  }
  return html + "</table>\n";
}

std::string run_header(const RunFigures& run) {
  const std::string outcome = !run.completed   ? "<span class=\"bad\">has not ended</span>"
                              : *run.completed ? "<span class=\"good\">completed</span>"
                                               : "<span class=\"bad\">aborted</span>: " + html_escape(run.reason);
  return fmt::format("<p><b>{}</b>: {}. {} agents. Controller on {}.</p>\n", html_escape(run.run), outcome, run.agents.size(),
                     html_escape(run.machine));
}

std::string stage_section(const StageInRuns& stage) {
  const StageFigures& first = *stage.runs.front().second;
  std::string html =
      fmt::format("<h2>{} <small>({}, {})</small></h2>\n", html_escape(first.name), html_escape(first.type), html_escape(first.policy));
  for (const auto& [run, figures] : stage.runs) {
    if (!figures->skipped.empty())
      html += fmt::format("<p class=\"bad\">{} skipped: {}</p>\n", html_escape(run->run), html_escape(figures->skipped));
    if (!figures->released && figures->skipped.empty())
      html += fmt::format("<p class=\"bad\">{}: its barrier was never released</p>\n", html_escape(run->run));
  }
  html += "<div class=\"plots\">\n" + throughput_plot(stage) + latency_plot(stage) + wait_plot(stage) + "</div>\n" + stage_table(stage);
  for (const auto& [run, figures] : stage.runs) {
    for (const AgentFigures& agent : figures->agents) {
      for (const std::string& note : agent.summary.notes())
        html += fmt::format("<p>{}: {}</p>\n", html_escape(run->agents[agent.agent]), html_escape(note));
    }
  }
  return html;
}

}  // namespace

std::string html_report(const std::vector<RunFigures>& runs) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>penstock bench: "
      "{}</title><style>{}</style></head><body>\n<h1>penstock bench</h1>\n",
      html_escape(runs.front().run), kStyle);
  for (const RunFigures& run : runs) html += run_header(run);
  std::vector<std::string> names;
  std::map<std::string, StageInRuns> stages;
  for (const RunFigures& run : runs) {
    for (const StageFigures& stage : run.stages) {
      if (!stages.contains(stage.name)) names.push_back(stage.name);
      stages[stage.name].runs.emplace_back(&run, &stage);
    }
  }
  for (const std::string& name : names) html += stage_section(stages[name]);
  for (const RunFigures& run : runs)
    html += fmt::format("<h2>Stage file of {}</h2>\n<pre>{}</pre>\n", html_escape(run.run), html_escape(run.stage_file));
  return html + fmt::format("<p><small>penstock {}</small></p></body></html>\n", kVersion);
}

}  // namespace penstock::bench
