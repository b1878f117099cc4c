#include <algorithm>
#include <cmath>
#include <set>

#include "bench/control/html_plot.h"
#include "bench/control/results.h"
#include "common/version.h"

// One HTML file: tables and SVG plots, no script, nothing loaded from anywhere.
namespace penstock::bench {
namespace {

constexpr const char* kStyle =
    R"(:root{color-scheme:light dark;--ink:#1c2430;--soft:#5a6675;--line:#d5dbe3;--fill:#f4f7fa;--paper:#fff;--bad:#a4262c;--good:#1c7a3e}
@media(prefers-color-scheme:dark){:root{--ink:#e3e8ef;--soft:#a2aebd;--line:#39424f;--fill:#1e252f;--paper:#141920;--bad:#ff8a85;--good:#6fd694}
polyline,rect,circle,.key{filter:brightness(1.5)}}
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:var(--ink);background:var(--paper);overflow-wrap:anywhere}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2.2em;border-bottom:1px solid var(--line);padding-bottom:.2em}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:.8em 0;font-variant-numeric:tabular-nums;font-size:.9em;overflow-wrap:normal}
th,td{padding:.25em .6em;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}th{color:var(--soft);font-weight:600}
td:first-child,th:first-child,td.text,th.text{text-align:left}td.remark{white-space:normal;min-width:9em}
tr.all td{font-weight:600;background:var(--fill)}
.plots{display:flex;flex-wrap:wrap;gap:1.2em}figure{margin:0;max-width:100%;width:500px}svg{max-width:100%;height:auto}svg text{fill:var(--soft)}
.grid{stroke:var(--line)}.mark{stroke:var(--bad);stroke-dasharray:2 3}.markkey{color:var(--bad)}
summary{color:var(--soft);cursor:pointer}figcaption{color:var(--soft);font-size:.85em}
.line{white-space:nowrap}.bad{color:var(--bad)}.good{color:var(--good)}.key{display:inline-block;width:.8em;height:.8em;margin:0 .35em 0 .9em;border-radius:2px}
pre{background:var(--fill);padding:1em;overflow:auto;font-size:.85em}@media print{body{max-width:none}})";

/// One run's part in a section about a stage.
struct StageOfRun {
  std::string letter;  // "A", "B", …: of the run; empty when there is only one
  size_t number;       // of the run, for its colour
  const RunFigures* run;
  const StageFigures* figures;
};
/// The same stage in every run that has it.
struct StageInRuns {
  std::vector<StageOfRun> runs;
  [[nodiscard]] bool several() const { return !runs.empty() && !runs.front().letter.empty(); }
};

const char* color_of(size_t number) { return kPlotColors[number % kPlotColors.size()]; }
std::string seconds_text(double seconds) {
  return seconds < 1 ? fmt::format("{:.1f} ms", seconds * 1e3) : fmt::format("{:.2f} s", seconds);
}

std::string agents_text(size_t count) { return fmt::format("{} {}", count, count == 1 ? "agent" : "agents"); }

std::string throughput_plot(const StageInRuns& stage) {
  std::vector<PlotLine> lines;
  double top = 0, end = 1;
  for (const auto& [letter, number, run, figures] : stage.runs) {
    PlotLine line{letter.empty() ? "all agents" : letter, color_of(number), {}};
    // The last second is seldom whole.
    const double width = figures->timeline_width;
    const size_t whole = std::min(figures->timeline.size(), std::max<size_t>(1, static_cast<size_t>(figures->seconds / width)));
    for (size_t i = 0; i < whole; ++i) {
      const auto value = static_cast<double>(figures->timeline[i].operations()) / width;
      line.points.emplace_back((static_cast<double>(i) + 0.5) * width, value);
      top = std::max(top, value);
      end = std::max(end, (static_cast<double>(i) + 1) * width);
    }
    if (!line.points.empty()) lines.push_back(std::move(line));
  }
  if (lines.empty()) return "";
  std::vector<std::pair<double, std::string>> marks;
  for (const auto& [letter, number, run, figures] : stage.runs) {
    for (const pb::BenchMark& mark : figures->marks) marks.emplace_back(mark.seconds(), (letter.empty() ? "" : letter + " ") + mark.text());
  }
  return plot("Throughput over time", linear_axis("seconds since the agents' start", end), linear_axis("operations/s", top), lines, marks);
}

/// Of all operations of one run, or of `only` in every run.
std::string latency_plot(const StageInRuns& stage, const std::string& only) {
  static const std::vector<double> kPercents = {0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99};
  std::vector<PlotLine> lines;
  double low = 1e12, high = 0;
  size_t kinds = 0;
  for (const auto& [letter, number, run, figures] : stage.runs) {
    for (const auto& [name, operation] : figures->merged) {
      if (operation.latency.count() == 0 || (!only.empty() && name != only)) continue;
      const char* color = color_of(only.empty() ? kinds++ : number);
      const auto add = [&](const Histogram& histogram, bool dashed) {
        PlotLine line{only.empty() ? name : letter, color, {}, dashed};
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
  PlotAxis x{.name = "percentile",
             .ticks = {{1, "0"}, {2, "50"}, {10, "90"}, {100, "99"}, {1000, "99.9"}, {10000, "99.99"}},
             .low = 1,
             .high = 10000,
             .logarithmic = true};
  return plot(only.empty() ? "Latency by percentile" : "Latency of " + only + " by percentile", x, log_axis("milliseconds", low, high),
              lines);
}

std::string wait_plot(const StageInRuns& stage) {
  double longest = 0;
  size_t bars = 0;
  for (const auto& [letter, number, run, figures] : stage.runs) {
    for (const AgentFigures& agent : figures->agents) longest = std::max(longest, agent.waited);
    bars += figures->agents.size();
  }
  if (bars == 0 || bars > 200) return "";
  const double height = 24.0 + static_cast<double>(bars) * 20, room = kPlotWidth - 170 - 70;
  std::string svg = fmt::format(
      "<figure><svg width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "role=\"img\" aria-label=\"Wait at the barrier\" font-size=\"12\">",
      kPlotWidth, height);
  double y = 8;
  for (const auto& [letter, number, run, figures] : stage.runs) {
    for (const AgentFigures& agent : figures->agents) {
      const double width = longest > 0 ? std::max(1.0, agent.waited / longest * room) : 1;
      svg += fmt::format(
          "<text x=\"160\" y=\"{:.0f}\" text-anchor=\"end\">{}</text><rect "
          "x=\"168\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"13\" rx=\"2\" "
          "fill=\"{}\"/><text x=\"{:.1f}\" y=\"{:.0f}\">{}</text>",
          y + 11, html_escape(letter + (letter.empty() ? "" : " ") + run->agents[agent.agent]), y, width, color_of(number), 174 + width,
          y + 11, seconds_text(agent.waited));
      y += 20;
    }
  }
  return svg +
         "</svg><figcaption>Time each agent stood at the barrier after "
         "the stage</figcaption></figure>\n";
}

std::string table_row(const std::string& css, const std::string& who, const std::string& name, const OperationFigures& f, double seconds,
                      const std::string& remark) {
  const auto ms = [&](double percent) { return static_cast<double>(f.latency.percentile(percent)) / 1e6; };
  return fmt::format(
      "<tr class=\"{}\"><td>{}</td><td "
      "class=\"text\">{}</td><td>{}</td><td>{}</td><td>{:.1f}</td><td>{:.2f}</"
      "td><td>{:.3f}</td><td>{:.3f}</td><td>{:.3f}</td><td>{:.3f}</"
      "td><td>{}</td><td class=\"remark text\">{}</td></tr>\n",
      css, html_escape(who), html_escape(name), f.count, f.errors, seconds > 0 ? static_cast<double>(f.count) / seconds : 0,
      seconds > 0 ? static_cast<double>(f.bytes) / seconds / 1e6 : 0, ms(50), ms(99), ms(99.9), static_cast<double>(f.latency.max()) / 1e6,
      f.corrected.count() > 0 ? fmt::format("{:.3f}", static_cast<double>(f.corrected.percentile(99)) / 1e6) : "", html_escape(remark));
}

constexpr const char* kStageColumns =
    "<div class=\"wide\"><table><tr><th>agent</th><th "
    "class=\"text\">operation</th><th>count</th><th>errors</th><th>per "
    "second</th><th>MB/s</th><th>p50 "
    "ms</th><th>p99 ms</th><th>p99.9 ms</th><th>max ms</th><th>due p99 "
    "ms</th><th class=\"text\">remark</th></tr>\n";

std::string agent_rows(const StageOfRun& stage, const AgentFigures& agent) {
  const std::string who = stage.letter + (stage.letter.empty() ? "" : " ") + stage.run->agents[agent.agent];
  const std::string remark = agent.remark.empty() && !agent.counted ? "not counted" : agent.remark + (agent.counted ? "" : "; not counted");
  std::string html;
  if (agent.operations.empty()) {
    html += fmt::format(
        "<tr><td>{}</td><td class=\"text\">–</td><td "
        "colspan=\"9\"></td><td class=\"remark text\">{}</td></tr>\n",
        html_escape(who), html_escape(remark.empty() ? "took " + seconds_text(agent.seconds) : remark));
  }
  for (const auto& [name, operation] : agent.operations) html += table_row("", who, name, operation, agent.seconds, remark);
  return html;
}

std::string stage_table(const StageInRuns& stage) {
  std::string merged, agents;
  size_t rows = 0;
  bool remarks = false;
  for (const StageOfRun& part : stage.runs) {
    for (const auto& [name, operation] : part.figures->merged)
      merged += table_row("all", part.letter.empty() ? "all" : part.letter + " all", name, operation, part.figures->seconds, "");
    for (const AgentFigures& agent : part.figures->agents) {
      agents += agent_rows(part, agent);
      rows += std::max<size_t>(1, agent.operations.size());
      remarks = remarks || !agent.remark.empty();
    }
  }
  const std::string table = merged.empty() ? "" : kStageColumns + merged + "</table></div>\n";
  return table + fmt::format("<details{}><summary>Each agent</summary>{}{}</table></div></details>\n", rows <= 10 || remarks ? " open" : "",
                             kStageColumns, agents);
}

/// Single measurements of agents: barriers of a cluster, memory of processes.
std::string values_table(const StageInRuns& stage) {
  std::string rows;
  for (const auto& [letter, number, run, figures] : stage.runs) {
    for (const AgentFigures& agent : figures->agents) {
      const std::map<std::string, double> sorted(agent.summary.values().begin(), agent.summary.values().end());
      for (const auto& [name, value] : sorted) {
        rows += fmt::format(
            "<tr><td>{}{}{}</td><td "
            "class=\"text\">{}</td><td>{:.6g}</td></tr>\n",
            letter, letter.empty() ? "" : " ", html_escape(run->agents[agent.agent]), html_escape(name), value);
      }
    }
  }
  if (rows.empty()) return "";
  return "<details open><summary>Measured "
         "once</summary><div class=\"wide\"><table><tr><th>agent</th><th "
         "class=\"text\">what</th><th>value</th></tr>\n" +
         rows + "</table></div></details>\n";
}

std::string run_header(const RunFigures& run, const std::string& letter) {
  const std::string outcome = !run.completed   ? "<span class=\"bad\">has not ended</span>"
                              : *run.completed ? "<span class=\"good\">completed</span>"
                                               : "<span class=\"bad\">aborted</span>: " + html_escape(run.reason);
  return fmt::format("<p>{}<b>{}</b>: {}. {}. Controller on {}.</p>\n", letter.empty() ? "" : letter + ": ", html_escape(run.run), outcome,
                     agents_text(run.agents.size()), html_escape(run.machine));
}

std::vector<std::string> operations_of(const StageInRuns& stage) {
  std::set<std::string> names;
  for (const StageOfRun& part : stage.runs) {
    for (const auto& [name, operation] : part.figures->merged) names.insert(name);
  }
  return {names.begin(), names.end()};
}

// "12.3 (+4 %)": against the first run.
std::string compared(double value, double first, bool is_first) {
  const std::string text = value >= 1000 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
  return is_first || first <= 0 ? text : fmt::format("{} ({:+.0f} %)", text, (value / first - 1) * 100);
}

/// Several runs beside each other: every operation of every stage.
std::string comparison(const std::vector<std::string>& names, std::map<std::string, StageInRuns>& stages) {
  std::string html =
      "<h2>Comparison with A</h2>\n<div class=\"wide\"><table><tr><th>stage</th><th "
      "class=\"text\">operation</th><th>run</th><th>errors</"
      "th><th>per second</th>"
      "<th>p50 ms</th><th>p99 ms</th><th>p99.9 ms</th></tr>\n";
  for (const std::string& name : names) {
    for (const std::string& operation : operations_of(stages[name])) {
      const OperationFigures* first = nullptr;
      double first_rate = 0;
      for (const StageOfRun& part : stages[name].runs) {
        const auto found = part.figures->merged.find(operation);
        if (found == part.figures->merged.end()) continue;
        const OperationFigures& f = found->second;
        const double rate = part.figures->seconds > 0 ? static_cast<double>(f.count) / part.figures->seconds : 0;
        const bool is_first = first == nullptr;
        if (is_first) first = &f, first_rate = rate;
        html += fmt::format(
            "<tr><td>{}</td><td "
            "class=\"text\">{}</td><td>{}</td><td>{}</td><td>{}</td>",
            html_escape(name), html_escape(operation), part.letter, f.errors, compared(rate, first_rate, is_first));
        for (const double percent : {50.0, 99.0, 99.9}) {
          html += fmt::format("<td>{}</td>", compared(static_cast<double>(f.latency.percentile(percent)) / 1e6,
                                                      static_cast<double>(first->latency.percentile(percent)) / 1e6, is_first));
        }
        html += "</tr>\n";
      }
    }
  }
  return html + "</table></div>\n";
}

std::string stage_section(const StageInRuns& stage) {
  const StageFigures& first = *stage.runs.front().figures;
  std::string html =
      fmt::format("<h2>{} <small>({}, {})</small></h2>\n", html_escape(first.name), html_escape(first.type), html_escape(first.policy));
  for (const auto& [letter, number, run, figures] : stage.runs) {
    if (figures->reduced)
      html += fmt::format("<p class=\"bad\">{}: results_limit was reached; latencies and plots are not those of all agents</p>\n",
                          html_escape(run->run));
    if (!figures->skipped.empty())
      html += fmt::format("<p class=\"bad\">{} skipped: {}</p>\n", html_escape(run->run), html_escape(figures->skipped));
    if (!figures->released && figures->skipped.empty())
      html += fmt::format("<p class=\"bad\">{}: its barrier was never released</p>\n", html_escape(run->run));
    if (const auto& began = figures->began_nanos; !began.empty())
      html += fmt::format("<p>{}{} began within {} of the release, half of them within {}.</p>\n", letter.empty() ? "" : letter + ": ",
                          agents_text(began.size()), seconds_text(static_cast<double>(began.back()) / 1e9),
                          seconds_text(static_cast<double>(percentile_of(began, 50)) / 1e9));
  }
  html += "<div class=\"plots\">\n" + throughput_plot(stage);
  if (!stage.several()) html += latency_plot(stage, "");
  for (const std::string& operation : stage.several() ? operations_of(stage) : std::vector<std::string>())
    html += latency_plot(stage, operation);
  html += wait_plot(stage) + "</div>\n" + stage_table(stage) + values_table(stage);
  for (const auto& [letter, number, run, figures] : stage.runs) {
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
      "<!doctype html>\n<html lang=\"en\"><head><meta "
      "charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>penstock bench: "
      "{}</title><style>{}</style></head><body>\n<h1>penstock bench</h1>\n",
      html_escape(runs.front().run), kStyle);
  std::vector<std::string> names;
  std::map<std::string, StageInRuns> stages;
  for (size_t i = 0; i < runs.size(); ++i) {
    // A to Z, then A1, B1, …
    const std::string letter =
        runs.size() == 1 ? "" : fmt::format("{}{}", static_cast<char>('A' + i % 26), i < 26 ? "" : std::to_string(i / 26));
    html += run_header(runs[i], letter);
    for (const StageFigures& stage : runs[i].stages) {
      if (!stages.contains(stage.name)) names.push_back(stage.name);
      stages[stage.name].runs.push_back({letter, i, &runs[i], &stage});
    }
  }
  if (runs.size() > 1) html += comparison(names, stages);
  for (const std::string& name : names) html += stage_section(stages[name]);
  for (const RunFigures& run : runs)
    html += fmt::format("<h2>Stage file of {}</h2>\n<pre>{}</pre>\n", html_escape(run.run), html_escape(run.stage_file));
  return html + fmt::format("<p><small>penstock {}</small></p></body></html>\n", kVersion);
}

}  // namespace penstock::bench
