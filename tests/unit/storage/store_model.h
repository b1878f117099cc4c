#pragma once

#include <array>
#include <cstdlib>
#include <random>

#include "unit/storage/store_harness.h"

/// Random operations, resets and crashes against std::map. A failing seed is printed; PENSTOCK_MODEL_SEEDS sets how many are run,
/// PENSTOCK_MODEL_FIRST the first one.
namespace penstock::storage::testing {

class StoreModel {
 public:
  StoreModel(StoreHarness& harness, uint64_t seed) : harness_(harness), random_(seed) { recover(false); }

  void run(int steps) {
    for (step_ = 0; step_ < steps && !::testing::Test::HasFailure(); ++step_) one();
  }

 private:
  static constexpr size_t kActors = 3;  // two share table 1, one has table 2
  static constexpr VNode kVNodes = 4;
  using Rows = std::map<std::string, std::string>;
  using State = std::array<Rows, 2>;
  struct Actor {
    std::unique_ptr<LocalStateStore> local;
    VNodeBitmap vnodes;
    Epoch epoch;  // running
  };

  uint64_t below(uint64_t n) { return random_() % n; }
  bool chance(uint64_t percent) { return below(100) < percent; }
  static size_t table_of(size_t actor) { return actor == 2 ? 1 : 0; }
  StateStore& store() { return harness_.store(); }
  PartialGraphId graph() const { return PartialGraphId{1}; }

  std::string random_key(const Actor& actor) {
    const auto owned = actor.vnodes.list();
    return key(owned[below(owned.size())], std::string(1 + below(3), static_cast<char>('a' + below(4))));
  }

  void one() {
    const uint64_t op = below(20);
    if (std::getenv("PENSTOCK_MODEL_TRACE") != nullptr)
      fmt::print("step {} op {} heard {} committed {} last {}\n", step_, op, heard_, committed_, last_epoch_);
    switch (op) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        write(below(kActors));
        break;
      case 5:
      case 6:
        read(below(kActors));
        break;
      case 7:
      case 8:
        inject();
        break;
      case 9:
      case 10:
      case 11:
        pass(below(kActors));
        break;
      case 12:
      case 13:
        sync();
        break;
      case 14:
        meta_commits();
        break;
      case 15:
        worker_commits();
        break;
      case 16:
        read_snapshot();
        break;
      case 17:
        harness_.set_flush(chance(50));
        harness_.run_background();
        break;
      case 18:
        harness_.advance(std::chrono::milliseconds(below(4000)));
        break;
      case 19:
        if (chance(25)) recover(chance(60));
        break;
    }
  }

  // ---- actors
  void write(size_t a) {
    Actor& actor = actors_[a];
    WriteBatch batch;
    for (uint64_t n = 1 + below(5); n > 0; --n) {
      const std::string k = random_key(actor);
      if (chance(60)) {
        const std::string value = fmt::format("{}.{}", step_, n) + std::string(chance(5) ? 5000 : 0, 'x');
        batch.put(k, value);
        now_[table_of(a)][k] = value;
      } else {
        batch.erase(k);
        now_[table_of(a)].erase(k);
      }
    }
    check(actor.local->append(std::move(batch)), "append");
  }

  Rows owned(const Actor& actor, const Rows& rows) const {
    Rows out;
    for (const auto& [k, v] : rows) {
      if (actor.vnodes.contains(static_cast<VNode>(static_cast<uint8_t>(k[1])))) out.emplace(k, v);
    }
    return out;
  }

  void read(size_t a) {
    Actor& actor = actors_[a];
    const Rows expected = owned(actor, now_[table_of(a)]);
    std::vector<std::string> keys;
    for (int i = 0; i < 4; ++i) keys.push_back(random_key(actor));
    auto values = actor.local->multi_get(keys);
    ASSERT_TRUE(values.has_value()) << values.error().to_string();
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto found = expected.find(keys[i]);
      ASSERT_EQ(values.value()[i].value_or("-"), found == expected.end() ? "-" : found->second) << "step " << step_;
    }
    Range range;
    if (chance(50)) range = {random_key(actor), random_key(actor)};
    compare(actor.local->scan(range), expected, range, "scan");
  }

  void compare(Result<std::unique_ptr<RowIterator>> rows, const Rows& expected, const Range& range, std::string_view what) {
    Rows in_range;
    for (const auto& [k, v] : expected) {
      if (k >= range.begin && (range.end.empty() || k < range.end)) in_range.emplace(k, v);
    }
    std::string text;
    for (const auto& [k, v] : in_range) {
      text += fmt::format("{}{}{}={}", text.empty() ? "" : " ", k[1] == 0 ? "" : fmt::format("{}/", static_cast<int>(k[1])), k.substr(2),
                          brief(v));
    }
    ASSERT_EQ(dump(std::move(rows)), text) << what << " in step " << step_;
  }

  // ---- barriers
  void inject() {
    if (injected_.size() >= 4) return;
    const Epoch curr{last_epoch_.value + 1};
    check(store().start_epoch(graph(), curr, {}), "start_epoch");
    injected_.push_back(last_epoch_);
    last_epoch_ = curr;
  }

  void pass(size_t a) {
    Actor& actor = actors_[a];
    if (actor.epoch == last_epoch_) return;
    const Epoch prev = actor.epoch;
    const auto at = std::ranges::find(injected_, prev);
    const Epoch next = std::next(at) == injected_.end() ? last_epoch_ : *std::next(at);
    check(actor.local->seal_current_epoch({prev, next}), "seal");
    for (const auto& [k, v] : owned(actor, now_[table_of(a)])) sealed_[prev][table_of(a)][k] = v;
    (void)sealed_[prev];
    actor.epoch = next;
  }

  [[nodiscard]] Epoch collected() const { return std::min({actors_[0].epoch, actors_[1].epoch, actors_[2].epoch}); }

  void sync() {
    if (injected_.empty() || injected_.front() >= collected()) return;
    const Epoch prev = injected_.front();
    injected_.erase(injected_.begin());
    if (chance(30)) return;  // a Barrier, not a Checkpoint
    auto synced = store().sync_epoch({graph(), term_}, prev, {});
    ASSERT_TRUE(synced.has_value()) << synced.error().to_string();
    staged_.push_back({prev, {}});
    for (const SegmentInfo& info : synced.value()) staged_.back().second.push_back(info.ref);
  }

  void meta_commits() {
    if (staged_.empty()) return;
    const auto [prev, refs] = staged_.front();
    staged_.erase(staged_.begin());
    for (const uint64_t sequence : store().flushed_segments(graph())) {
      if (live_.erase(sequence) != 0) struck_off_.push_back(sequence);
    }
    for (const SegmentRef& ref : refs) {
      live_.emplace(ref.sequence, ref);
      highest_ = std::max(highest_, ref.sequence);
    }
    committed_ = prev;
    if (chance(80)) worker_commits();
  }

  void worker_commits() {
    if (heard_ == committed_) return;
    check(store().commit_epoch(graph(), committed_, struck_off_), "commit");
    struck_off_.clear();
    heard_ = committed_;
  }

  // ---- snapshots
  void read_snapshot() {
    if (sealed_.empty()) return;
    auto at = sealed_.begin();
    std::advance(at, static_cast<ptrdiff_t>(below(sealed_.size())));
    const auto& [epoch, state] = *at;
    if (epoch >= collected()) return;
    const size_t t = below(2);
    auto reader = epoch > heard_ ? store().read_sealed(graph(), TableId{static_cast<uint32_t>(t + 1)}, epoch)
                                 : store().read_committed(graph(), TableId{static_cast<uint32_t>(t + 1)}, epoch);
    if (reader.has_error()) {
      ASSERT_EQ(reader.error().code(), Code::SnapshotTooOld) << reader.error().to_string();
      ASSERT_LT(epoch, heard_) << "step " << step_;
      return;
    }
    if (chance(30)) harness_.run_background();
    compare(reader.value()->scan({}), state[t], {}, fmt::format("snapshot of {}", epoch));
    for (const auto& [k, v] : state[t]) {
      const auto value = reader.value()->get(k);
      ASSERT_TRUE(value.has_value());
      ASSERT_EQ(value.value().value_or("-"), v) << "step " << step_;
    }
  }

  // ---- failure
  void recover(bool crash) {
    for (Actor& actor : actors_) actor.local.reset();
    std::vector<SegmentRef> live;
    for (const auto& [sequence, ref] : live_) live.push_back(ref);
    if (crash) harness_.crash();
    if (crash || chance(30))
      check(store().retain_segments(live, highest_), "retain");
    else
      store().clear(graph());
    term_ = Term{term_.value + 1};
    check(store().open_graph({graph(), term_}, committed_, live, std::nullopt), "open");
    heard_ = committed_;
    staged_.clear();
    struck_off_.clear();
    injected_.clear();
    now_ = committed_ == Epoch{0} ? State{} : sealed_.at(committed_);
    std::erase_if(sealed_, [this](const auto& s) { return s.first > committed_; });
    last_epoch_ = Epoch{last_epoch_.value + 5};
    check(store().start_epoch(graph(), last_epoch_, {}), "start_epoch");
    for (size_t a = 0; a < kActors; ++a) actors_[a].vnodes = VNodeBitmap(kVNodes);
    for (VNode v = 0; v < kVNodes; ++v) {
      actors_[v == 0 ? 0 : v == 1 ? 1 : below(2)].vnodes.add(v);
      actors_[2].vnodes.add(v);
    }
    for (size_t a = 0; a < kActors; ++a) {
      auto local = store().open_table({TableId{static_cast<uint32_t>(table_of(a) + 1)}, graph(), actors_[a].vnodes, "model"});
      ASSERT_TRUE(local.has_value()) << local.error().to_string();
      actors_[a].local = std::move(local).value();
      actors_[a].epoch = last_epoch_;
      check(actors_[a].local->init({committed_, last_epoch_}), "init");
      if (chance(50)) read(a);
    }
  }

  void check(const Status& status, std::string_view what) {
    ASSERT_TRUE(status.has_value()) << what << " in step " << step_ << ": " << status.error().to_string();
  }

  StoreHarness& harness_;
  std::mt19937_64 random_;
  int step_ = 0;
  Term term_{0};
  Epoch last_epoch_{0};          // curr of the last injected barrier
  std::vector<Epoch> injected_;  // prev of barriers that are not synced or passed over, ascending
  std::array<Actor, kActors> actors_;
  State now_;                      // what the actors have written
  std::map<Epoch, State> sealed_;  // state at the end of each epoch, complete once all actors have passed it
  std::vector<std::pair<Epoch, std::vector<SegmentRef>>> staged_;
  Epoch committed_{0};  // by meta
  Epoch heard_{0};      // by the worker
  std::map<uint64_t, SegmentRef> live_;
  std::vector<uint64_t> struck_off_;
  uint64_t highest_ = 0;
};

inline uint64_t seeds_from_env(uint64_t otherwise) {
  const char* text = std::getenv("PENSTOCK_MODEL_SEEDS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

inline void run_model(const StoreParam& param, uint64_t seeds, int steps = 250) {
  const char* first_text = std::getenv("PENSTOCK_MODEL_FIRST");
  const uint64_t first = first_text != nullptr ? std::strtoull(first_text, nullptr, 10) : 1;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    const auto harness = param.make();
    StoreModel(*harness, seed).run(steps);
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << "replay with PENSTOCK_MODEL_FIRST=" << seed << " PENSTOCK_MODEL_SEEDS=1";
      return;
    }
  }
}

}  // namespace penstock::storage::testing
