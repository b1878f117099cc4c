#include "bench/control/live_view.h"

namespace penstock::bench {
namespace {

constexpr int kBar = 24;

std::string json_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string bar(double progress) {
  const int full = progress < 0 ? 0 : static_cast<int>(progress * kBar);
  std::string text = "[";
  for (int i = 0; i < kBar; ++i) text += i < full ? '#' : progress < 0 ? ' ' : '.';
  return text + "]";
}

// Control bytes of an agent's texts would move the cursor.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text.substr(0, 100);
}

}  // namespace

std::string event_json(double seconds, int64_t unix_micros, const Note& note, const std::vector<std::string>& agents) {
  const std::string agent = note.agent ? fmt::format(R"("agent":"{}",)", json_escape(agents[note.agent->value])) : "";
  return fmt::format(R"({{"seconds":{:.6f},"unix_micros":{},"event":"{}",{}"text":"{}"}})", seconds, unix_micros, json_escape(note.kind),
                     agent, json_escape(note.text));
}

void LiveView::note(double seconds, const Note& note, const std::vector<std::string>& agents) {
  if (style_ == ViewStyle::Json) {
    fmt::print(out_, "{}\n", event_json(seconds, 0, note, agents));
  } else {
    clear();
    fmt::print(out_, "{:9.3f} {:<12} {}{}\n", seconds, note.kind, note.agent ? agents[note.agent->value] + ": " : "", one_line(note.text));
  }
  std::fflush(out_);
}

void LiveView::clear() {
  for (; drawn_ > 0; --drawn_) fmt::print(out_, "\x1b[1A\x1b[2K");
}

void LiveView::draw(runtime::TimePoint now, const Controller& controller) {
  if (style_ != ViewStyle::Bars) return;
  clear();
  uint64_t operations = 0, bytes = 0;
  double progress = 0;
  size_t agents = 0;
  for (const Controller::View& v : controller.view(now)) {
    fmt::print(out_, "{:<22} {} {:<16} {:>10} ops {:>6} errors p99 {:>8.3f} ms  {}\n", v.address, bar(v.ready ? 1 : v.stats.progress()),
               v.stats.stage_name().substr(0, 16), v.stats.operations(), v.stats.errors(), static_cast<double>(v.stats.p99_nanos()) / 1e6,
               one_line(v.state + (v.out_of_step ? ", out of step" : "")));
    operations += v.stats.operations();
    bytes += v.stats.bytes();
    if (!v.gone) {
      progress += v.ready ? 1 : std::max(0.0, v.stats.progress());
      ++agents;
    }
    ++drawn_;
  }
  fmt::print(out_, "{:<22} {} {:>10} ops {:>10.1f} MB  {}\n", "all", bar(agents > 0 ? progress / static_cast<double>(agents) : 0),
             operations, static_cast<double>(bytes) / 1e6, one_line(controller.describe_barrier(now)));
  ++drawn_;
  std::fflush(out_);
}

}  // namespace penstock::bench
