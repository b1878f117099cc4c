#include "bench/control/live_view.h"

#include <sys/ioctl.h>

namespace penstock::bench {
namespace {

constexpr int kBar = 20;

struct Screen {
  size_t lines = 24, columns = 80;
};

Screen screen_of(std::FILE* out) {
  winsize size{};
  if (::ioctl(::fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_row < 6 || size.ws_col < 20) return {};
  return {size.ws_row, size.ws_col};
}

// "12.3k".
std::string short_rate(double value) {
  if (value >= 1e6) return fmt::format("{:.1f}M", value / 1e6);
  return value >= 1e4 ? fmt::format("{:.1f}k", value / 1e3) : fmt::format("{:.0f}", value);
}

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
  return text.substr(0, 300);
}

}  // namespace

std::string event_json(double seconds, int64_t unix_micros, const Note& note, const std::vector<std::string>& agents) {
  const std::string agent = note.agent ? fmt::format(R"("agent":"{}",)", json_escape(agents[note.agent->value])) : "";
  return fmt::format(R"({{"seconds":{:.6f},"unix_micros":{},"event":"{}",{}"text":"{}"}})", seconds, unix_micros, json_escape(note.kind),
                     agent, json_escape(note.text));
}

void LiveView::note(double seconds, int64_t unix_micros, const Note& note, const std::vector<std::string>& agents) {
  if (style_ == ViewStyle::Json) {
    fmt::print(out_, "{}\n", event_json(seconds, unix_micros, note, agents));
  } else {
    clear();
    fmt::print(out_, "{:9.3f} {:<12} {}{}\n", seconds, note.kind, note.agent ? agents[note.agent->value] + ": " : "", one_line(note.text));
  }
  std::fflush(out_);
}

void LiveView::clear() {
  for (; drawn_ > 0; --drawn_) fmt::print(out_, "\x1b[1A\x1b[2K");
}

// A line that wraps would be two to remove.
void LiveView::line(const std::string& text, size_t columns) {
  fmt::print(out_, "{}\n", text.substr(0, columns - 1));
  ++drawn_;
}

void LiveView::draw(runtime::TimePoint now, const Controller& controller) {
  if (style_ != ViewStyle::Bars) return;
  clear();
  const Screen screen = screen_of(out_);
  const std::vector<Controller::View> views = controller.view(now);
  const size_t room = screen.lines - 4;  // what was left out, the total, the barrier, the cursor
  uint64_t operations = 0, errors = 0;
  double progress = 0, per_second = 0, megabytes = 0;
  size_t agents = 0;
  for (size_t i = 0; i < views.size(); ++i) {
    const Controller::View& v = views[i];
    if (i < room) {
      line(fmt::format("{:<21} {} {:<12.12} {:>7}/s {:>4} errors {:>8.3f} ms p99  {}", v.address, bar(v.ready ? 1 : v.stats.progress()),
                       v.stats.stage_name(), short_rate(v.ready ? 0 : v.stats.per_second()), v.stats.errors(),
                       static_cast<double>(v.stats.p99_nanos()) / 1e6, one_line(v.state + (v.out_of_step ? ", out of step" : ""))),
           screen.columns);
    }
    operations += v.stats.operations();
    errors += v.stats.errors();
    megabytes += static_cast<double>(v.stats.bytes()) / 1e6;
    if (v.gone) continue;
    if (!v.ready) per_second += v.stats.per_second();
    progress += v.ready ? 1 : std::max(0.0, v.stats.progress());
    ++agents;
  }
  if (views.size() > room) line(fmt::format("and {} more agents", views.size() - room), screen.columns);
  line(fmt::format("{:<21} {} {:>12} {:>7}/s {:>4} errors {:.1f} MB", "all", bar(agents > 0 ? progress / static_cast<double>(agents) : 0),
                   operations, short_rate(per_second), errors, megabytes),
       screen.columns);
  line(one_line(controller.describe_barrier(now)), screen.columns);
  std::fflush(out_);
}

}  // namespace penstock::bench
