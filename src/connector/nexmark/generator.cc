// The definition: docs/nexmark.md. Every function here is one row of its tables.
#include "connector/nexmark/generator.h"

#include <cstdlib>

namespace penstock::connector {
namespace {

constexpr int64_t kBaseTime = 1436918400000000;
constexpr uint64_t kPoolSize = 65536;
constexpr uint64_t kHotChannels = 4;
constexpr uint64_t kChannels = 10000;
constexpr std::string_view kFirst[] = {"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"};
constexpr std::string_view kLast[] = {"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"};
constexpr std::string_view kCity[] = {"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland",
                                      "Bend",    "Redmond",     "Seattle",       "Kent",  "Cheyenne"};
constexpr std::string_view kState[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};

constexpr uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}
constexpr uint64_t below(uint64_t r, uint64_t m) { return ((r >> 32) * m) >> 32; }

constexpr uint64_t price(uint64_t a, uint64_t b) {
  constexpr uint64_t kPower[] = {100, 1000, 10000, 100000, 1000000, 10000000};
  const uint64_t p = kPower[below(a, 6)];
  return p + below(b, 9 * p);
}

// Tables that every generator shares: the text pool, the channels, all full names. They live as long as the process.
struct Tables {
  std::string pool;
  struct Channel {
    std::string name, url;
  };
  std::vector<Channel> channels;
  std::vector<std::string> names;

  Tables() : pool(kPoolSize, '\0') {
    for (uint64_t i = 0; i < kPoolSize; ++i) pool[i] = static_cast<char>('a' + below(mix(0x706F6F6C + i), 26));
    for (uint64_t i = 0; i < kHotChannels + kChannels; ++i) channels.push_back(channel(i));
    for (const std::string_view first : kFirst) {
      for (const std::string_view last : kLast) names.push_back(fmt::format("{} {}", first, last));
    }
  }

  [[nodiscard]] std::string_view text(uint64_t r, uint64_t length) const {
    return std::string_view(pool).substr(below(r, kPoolSize - length), length);
  }

  [[nodiscard]] Channel channel(uint64_t i) const {
    constexpr std::string_view kHot[] = {"Google", "Facebook", "Baidu", "Apple"};
    std::string parts;
    for (uint64_t j = 0; j < 3; ++j) {
      parts += '/';
      parts += text(mix(0x75726C + 8 * i + j), 3 + below(mix(0x75726C + 8 * i + 4 + j), 3));
    }
    std::string url = "https://www.nexmark.com" + parts + "/item.htm?query=1";
    if (i < kHotChannels) return {std::string(kHot[i]), url};
    const uint64_t c = i - kHotChannels;
    if (below(mix(0x6368616E + c), 10) > 0) url += fmt::format("&channel_id={}", reversed(static_cast<uint32_t>(c)));
    return {fmt::format("channel-{}", c), url};
  }

  static uint64_t reversed(uint32_t c) {
    uint32_t r = 0;
    for (int bit = 0; bit < 32; ++bit) r |= (c >> bit & 1U) << (31 - bit);
    return static_cast<uint64_t>(std::llabs(static_cast<int32_t>(r)));
  }
};

const Tables& tables() {
  static const Tables instance;
  return instance;
}

}  // namespace

// What the columns of one event are drawn from.
struct NexmarkGenerator::Event {
  Event(const Options& options, uint64_t number) : n(number), g(number / 50), o(number % 50), base(mix(options.seed ^ number)) {}
  uint64_t n, g, o, base;
  [[nodiscard]] uint64_t draw(uint64_t k) const { return mix(base + k); }
  [[nodiscard]] uint64_t last_person() const { return g; }
  [[nodiscard]] uint64_t last_auction() const { return o == 0 ? std::max<uint64_t>(3 * g, 1) - 1 : o <= 3 ? 3 * g + o - 1 : 3 * g + 2; }
  [[nodiscard]] uint64_t active(uint64_t r) const {
    const uint64_t c = std::min<uint64_t>(last_person() + 1, 1000);
    return last_person() + 1 - c + below(r, c + 10);
  }
  [[nodiscard]] std::string_view text(uint64_t r, uint64_t length) const { return tables().text(draw(r), length); }
  [[nodiscard]] const Tables::Channel& channel() const {
    const uint64_t entry = below(draw(6), 2) > 0 ? below(draw(7), kHotChannels) : kHotChannels + below(draw(7), kChannels);
    return tables().channels[entry];
  }
  [[nodiscard]] uint64_t bid_auction() const {
    if (below(draw(0), 2) > 0) return last_auction() / 100 * 100;
    const uint64_t lo = std::max<uint64_t>(last_auction(), 100) - 100;
    return lo + below(draw(1), last_auction() - lo + 11);
  }
  [[nodiscard]] uint64_t bidder() const { return below(draw(2), 4) > 0 ? last_person() / 100 * 100 + 1 : active(draw(3)); }
  [[nodiscard]] uint64_t seller() const { return below(draw(9), 4) > 0 ? last_person() / 100 * 100 : active(draw(10)); }
  [[nodiscard]] uint64_t initial_bid() const { return price(draw(4), draw(5)); }
};

NexmarkGenerator::NexmarkGenerator(Options options) : options_(options) { tables(); }

NexmarkKind NexmarkGenerator::kind(uint64_t n) {
  const uint64_t o = n % 50;
  return o == 0 ? NexmarkKind::Person : o <= 3 ? NexmarkKind::Auction : NexmarkKind::Bid;
}

int64_t NexmarkGenerator::time(uint64_t n) const { return kBaseTime + static_cast<int64_t>(n * 1000000 / options_.rate); }

data::Schema NexmarkGenerator::schema(NexmarkKind kind) {
  using enum data::TypeKind;
  switch (kind) {
    case NexmarkKind::Person:
      return {{{"id", Int64},
               {"name", Varchar},
               {"email_address", Varchar},
               {"credit_card", Varchar},
               {"city", Varchar},
               {"state", Varchar},
               {"date_time", Timestamp},
               {"extra", Varchar}}};
    case NexmarkKind::Auction:
      return {{{"id", Int64},
               {"item_name", Varchar},
               {"description", Varchar},
               {"initial_bid", Int64},
               {"reserve", Int64},
               {"date_time", Timestamp},
               {"expires", Timestamp},
               {"seller", Int64},
               {"category", Int64},
               {"extra", Varchar}}};
    case NexmarkKind::Bid:
      return {{{"auction", Int64},
               {"bidder", Int64},
               {"price", Int64},
               {"channel", Varchar},
               {"url", Varchar},
               {"date_time", Timestamp},
               {"extra", Varchar}}};
  }
  return {};
}

namespace {

template <typename F>
data::Column numbers_column(data::TypeKind type, std::span<const uint64_t> events, F&& value) {
  data::ColumnBuilder<int64_t> builder(type, events.size());
  for (const uint64_t n : events) builder.append(static_cast<int64_t>(value(n)));
  return builder.finish();
}

// Views into tables that never go away; a made-up string is copied by the builder.
template <typename F>
data::Column texts_column(std::span<const uint64_t> events, F&& value) {
  data::ColumnBuilder<data::Text> builder(data::TypeKind::Varchar, events.size());
  for (const uint64_t n : events) {
    const auto text = value(n);
    if constexpr (std::is_same_v<decltype(text), const std::string>) {
      builder.append(std::string_view(text));
    } else {
      builder.append_view(data::Text(text));
    }
  }
  return builder.finish();
}

}  // namespace

/// Columns of the events of these numbers, by place in the schema of their kind.
class NexmarkGenerator::ColumnMaker {
 public:
  using E = const Event&;
  ColumnMaker(const NexmarkGenerator& generator, const Options& options, std::span<const uint64_t> numbers)
      : generator_(generator), options_(options), numbers_(numbers) {}

  [[nodiscard]] data::Column person(uint32_t index) const;
  [[nodiscard]] data::Column auction(uint32_t index) const;
  [[nodiscard]] data::Column bid(uint32_t index) const;

 private:
  template <typename F>
  data::Column number(F f) const {
    return numbers_column(data::TypeKind::Int64, numbers_, [&](uint64_t n) { return f(Event(options_, n)); });
  }
  template <typename F>
  data::Column text(F f) const {
    return texts_column(numbers_, [&](uint64_t n) { return f(Event(options_, n)); });
  }
  template <typename F>
  data::Column at(F f) const {
    return numbers_column(data::TypeKind::Timestamp, numbers_, f);
  }
  [[nodiscard]] data::Column date_time() const {
    return at([&](uint64_t n) { return generator_.time(n); });
  }

  const NexmarkGenerator& generator_;
  const Options& options_;
  std::span<const uint64_t> numbers_;
};

data::Column NexmarkGenerator::ColumnMaker::person(uint32_t index) const {
  switch (index) {
    case 0:
      return number([](E e) { return 1000 + e.last_person(); });
    case 1:
      return text([](E e) { return std::string_view(tables().names[below(e.draw(0), 11) * 9 + below(e.draw(1), 9)]); });
    case 2:
      return text([](E e) { return fmt::format("{}@{}.com", e.text(2, 7), e.text(3, 5)); });
    case 3:
      return text([](E e) {
        const auto group = [&](uint64_t k) { return below(e.draw(k), 10000); };
        return fmt::format("{:04} {:04} {:04} {:04}", group(4), group(5), group(6), group(7));
      });
    case 4:
      return text([](E e) { return kCity[below(e.draw(8), 10)]; });
    case 5:
      return text([](E e) { return kState[below(e.draw(9), 6)]; });
    case 6:
      return date_time();
    default:
      return text([](E e) { return e.text(11, 107 + below(e.draw(10), 54)); });
  }
}

data::Column NexmarkGenerator::ColumnMaker::auction(uint32_t index) const {
  switch (index) {
    case 0:
      return number([](E e) { return 1000 + e.last_auction(); });
    case 1:
      return text([](E e) { return e.text(1, 1 + below(e.draw(0), 20)); });
    case 2:
      return text([](E e) { return e.text(3, 1 + below(e.draw(2), 100)); });
    case 3:
      return number([](E e) { return e.initial_bid(); });
    case 4:
      return number([](E e) { return e.initial_bid() + price(e.draw(6), e.draw(7)); });
    case 5:
      return date_time();
    case 6:
      return at([&](uint64_t n) {
        const auto horizon = static_cast<uint64_t>(generator_.time(n + 1666) - generator_.time(n));
        return generator_.time(n) + 1 + static_cast<int64_t>(below(Event(options_, n).draw(8), std::max<uint64_t>(2 * horizon, 1)));
      });
    case 7:
      return number([](E e) { return 1000 + e.seller(); });
    case 8:
      return number([](E e) { return 10 + below(e.draw(11), 5); });
    default:
      return text([](E e) { return e.text(13, 320 + below(e.draw(12), 160)); });
  }
}

data::Column NexmarkGenerator::ColumnMaker::bid(uint32_t index) const {
  switch (index) {
    case 0:
      return number([](E e) { return 1000 + e.bid_auction(); });
    case 1:
      return number([](E e) { return 1000 + e.bidder(); });
    case 2:
      return number([](E e) { return price(e.draw(4), e.draw(5)); });
    case 3:
      return text([](E e) { return std::string_view(e.channel().name); });
    case 4:
      return text([](E e) { return std::string_view(e.channel().url); });
    case 5:
      return date_time();
    default:
      return text([](E e) { return e.text(9, 54 + below(e.draw(8), 28)); });
  }
}

data::Column NexmarkGenerator::column(NexmarkKind kind, uint32_t index, std::span<const uint64_t> numbers) const {
  const ColumnMaker maker(*this, options_, numbers);
  switch (kind) {
    case NexmarkKind::Person:
      return maker.person(index);
    case NexmarkKind::Auction:
      return maker.auction(index);
    case NexmarkKind::Bid:
      return maker.bid(index);
  }
  return maker.bid(index);
}

data::DataChunk NexmarkGenerator::rows(NexmarkKind kind, std::span<const uint64_t> numbers, std::span<const uint32_t> output) const {
  std::vector<data::Column> columns;
  columns.reserve(output.size());
  for (const uint32_t index : output) columns.push_back(column(kind, index, numbers));
  return {std::move(columns), numbers.size()};
}

std::string NexmarkGenerator::line(uint64_t n) const {
  const NexmarkKind k = kind(n);
  std::string out(1, "PAB"[static_cast<size_t>(k)]);
  const data::Schema columns = schema(k);
  for (uint32_t i = 0; i < columns.size(); ++i) {
    const data::Datum value = column(k, i, {&n, 1}).datum(0);
    out += '|';
    out += std::holds_alternative<int64_t>(value) ? fmt::format("{}", std::get<int64_t>(value)) : std::get<std::string>(value);
  }
  return out + '\n';
}

}  // namespace penstock::connector
