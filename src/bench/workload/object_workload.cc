#include "bench/workload/object_workload.h"

#include <charconv>
#include <cstring>

#include "runtime/random.h"

namespace penstock::bench {
namespace {

constexpr std::string_view kObjectPrefix = "obj-";

enum ObjectKind : uint32_t { kPut, kGet, kList, kHead, kDelete };

// Bytes that depend on the object and its size only, so that any reader can check them.
void fill(std::string& bytes, uint64_t object, uint64_t size) {
  bytes.resize(size);
  runtime::SplitMix random(object * 0x100000001b3U + size);
  for (size_t i = 0; i < size; i += 8) {
    const uint64_t word = random.next();
    std::memcpy(bytes.data() + i, &word, std::min<size_t>(8, size - i));
  }
}

// A name by its number among the worker's own ones: worker w of n has the objects w, w+n, w+2n, …
class ObjectWorker final : public Worker {
 public:
  ObjectWorker(const ObjectOptions& options, std::unique_ptr<storage::ObjectStore> store, uint32_t agent, uint32_t index)
      : options_(options),
        store_(std::move(store)),
        agent_(agent),
        index_(index),
        random_(options.load.seed * 1'000'003 + agent * 1009 + index),
        choice_({"put", "get", "list", "head", "delete"}, options.weights),
        is_present_((options.objects - index + options.load.concurrency - 1) / options.load.concurrency) {}

  /// An object of any worker that is there already.
  void found(uint32_t object) {
    if (object < options_.objects && object % options_.load.concurrency == index_) add((object - index_) / options_.load.concurrency);
  }

  std::optional<uint64_t> tasks() const override { return options_.prefill ? std::optional<uint64_t>(is_present_.size()) : std::nullopt; }

  Result<Done> next() override {
    if (options_.prefill) return put(next_put_++ % is_present_.size());
    const uint32_t kind = choice_.pick(random_.next());
    if (kind == kList) return list();
    if (kind == kPut || present_.empty()) return put(random_.below(is_present_.size()));  // nothing there yet: a put instead
    const size_t which = random_.below(present_.size());
    if (kind == kGet) return get(present_[which]);
    return kind == kHead ? head(present_[which]) : remove(which);
  }

 private:
  [[nodiscard]] uint64_t object(size_t own) const { return own * options_.load.concurrency + index_; }
  [[nodiscard]] std::string name(size_t own) const { return fmt::format("{}{}", kObjectPrefix, object(own)); }
  [[nodiscard]] uint64_t content(size_t own) const { return object(own) + (uint64_t{agent_} << 32U); }

  // Who may not do it now may not do it later.
  [[nodiscard]] static Result<Done> done(uint32_t kind, uint64_t bytes, const Status& status) {
    if (status.has_value()) return Done{kind, bytes, ""};
    if (status.error().code() == Code::AuthenticationFailed) return status.error();
    return Done{kind, 0, status.error().to_string()};
  }

  void add(size_t own) {
    if (is_present_[own]) return;
    is_present_[own] = true;
    present_.push_back(own);
  }

  Result<Done> put(size_t own) {
    fill(bytes_, content(own), draw_size(options_.size, random_.next(), random_.next()));
    const Status status = store_->put(name(own), bytes_);
    if (status.has_value()) add(own);
    return done(kPut, bytes_.size(), status);
  }

  Result<Done> get(size_t own) {
    const Status status = store_->get(name(own), bytes_);
    if (status.has_value() && options_.verify) {
      fill(expected_, content(own), bytes_.size());
      if (expected_ != bytes_) return Done{kGet, 0, fmt::format("{}: its {} bytes are not what was put", name(own), bytes_.size())};
    }
    return done(kGet, bytes_.size(), status);
  }

  Result<Done> list() {
    const auto listed = store_->list(kObjectPrefix);
    if (listed.has_error()) return done(kList, 0, listed.error());
    uint64_t names = 0;
    for (const storage::ObjectInfo& entry : listed.value()) names += entry.name.size();
    return Done{kList, names, ""};
  }

  Result<Done> head(size_t own) {
    const auto info = store_->head(name(own));
    return done(kHead, 0, info.has_error() ? Status(info.error()) : ok());
  }

  Result<Done> remove(size_t which) {
    const size_t own = present_[which];
    present_[which] = present_.back();
    present_.pop_back();
    is_present_[own] = false;
    return done(kDelete, 0, store_->remove(name(own)));
  }

  const ObjectOptions& options_;
  const std::unique_ptr<storage::ObjectStore> store_;
  const uint32_t agent_, index_;
  runtime::SplitMix random_;
  const WeightedChoice choice_;
  std::vector<bool> is_present_;
  std::vector<size_t> present_;
  size_t next_put_ = 0;
  std::string bytes_, expected_;
};

}  // namespace

// Writes, reads and removes a small object.
Status ObjectWorkload::validate() {
  const std::string probe = "probe";
  std::string read;
  PENSTOCK_TRY(const auto store, open());
  PENSTOCK_TRY(store->put(probe, probe));
  PENSTOCK_TRY(store->get(probe, read));
  PENSTOCK_TRY(store->remove(probe));
  if (read != probe) return error(Code::Corruption, "{}: what is read is not what was put", options_.location.url);
  return ok();
}

Status ObjectWorkload::clean() {
  PENSTOCK_TRY(const auto store, open());
  PENSTOCK_TRY(const auto objects, store->list(kObjectPrefix));
  for (const storage::ObjectInfo& object : objects) {
    PENSTOCK_TRY(store->remove(object.name));
  }
  return store->remove_unfinished();
}

Result<std::unique_ptr<Worker>> ObjectWorkload::make_worker(uint32_t index) {
  if (index >= options_.objects)
    return error(Code::InvalidConfig, "{} objects are too few for {} workers", options_.objects, options_.load.concurrency);
  PENSTOCK_TRY(auto store, open());
  if (!there_) {
    PENSTOCK_TRY(there_, store->list(kObjectPrefix));
  }
  auto worker = std::make_unique<ObjectWorker>(options_, std::move(store), resources_.agent(), index);
  for (const storage::ObjectInfo& entry : *there_) {
    const std::string_view digits = std::string_view(entry.name).substr(kObjectPrefix.size());
    uint32_t object = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), object);
    if (failed == std::errc() && end == digits.data() + digits.size()) worker->found(object);
  }
  return std::unique_ptr<Worker>(std::move(worker));
}

}  // namespace penstock::bench
