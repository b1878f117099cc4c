#include "bench/workload/object_workload.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "runtime/random.h"

namespace penstock::bench {
namespace {

namespace fs = std::filesystem;

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

class ObjectWorker final : public Worker {
 public:
  ObjectWorker(const ObjectOptions& options, std::string folder, uint32_t agent, uint32_t index)
      : options_(options),
        folder_(std::move(folder)),
        agent_(agent),
        index_(index),
        random_(options.load.seed * 1'000'003 + agent * 1009 + index),
        choice_({"put", "get", "list", "head", "delete"}, options.weights) {
    for (uint32_t object = index; object < options.objects; object += options.load.concurrency) mine_.push_back(object);
    for (size_t i = 0; i < mine_.size(); ++i) {
      if (::access(path(mine_[i]).c_str(), F_OK) == 0) present_.push_back(mine_[i]);
    }
  }

  std::optional<uint64_t> tasks() const override { return options_.prefill ? std::optional<uint64_t>(mine_.size()) : std::nullopt; }
  Result<Done> next() override {
    if (options_.prefill) return put(mine_[next_put_++ % mine_.size()]);
    const uint32_t kind = choice_.pick(random_.next());
    if (kind == kList) return list();
    if (kind == kPut || present_.empty()) return put(mine_[random_.below(mine_.size())]);  // nothing there yet: a put instead
    const size_t which = random_.below(present_.size());
    if (kind == kGet) return get(present_[which]);
    return kind == kHead ? head(present_[which]) : remove(which);
  }

 private:
  [[nodiscard]] std::string path(uint32_t object) const { return fmt::format("{}/obj-{}", folder_, object); }
  [[nodiscard]] static Done failed(uint32_t kind, const std::string& file) {
    return {kind, 0, fmt::format("{}: {}", file, std::strerror(errno))};
  }

  Done put(uint32_t object) {
    fill(bytes_, object + (uint64_t{agent_} << 32U), draw_size(options_.size, random_.next(), random_.next()));
    const std::string file = path(object), draft = fmt::format("{}/.draft-{}", folder_, index_);
    FILE* out = std::fopen(draft.c_str(), "wb");
    if (out == nullptr) return failed(kPut, draft);
    const bool written = std::fwrite(bytes_.data(), 1, bytes_.size(), out) == bytes_.size();
    const bool closed = std::fclose(out) == 0;
    if (!written || !closed || std::rename(draft.c_str(), file.c_str()) != 0) return failed(kPut, file);
    if (std::ranges::find(present_, object) == present_.end()) present_.push_back(object);
    return {kPut, bytes_.size(), ""};
  }

  Done get(uint32_t object) {
    const std::string file = path(object);
    FILE* in = std::fopen(file.c_str(), "rb");
    if (in == nullptr) return failed(kGet, file);
    struct stat status{};
    bool good = ::fstat(::fileno(in), &status) == 0;
    bytes_.resize(good ? static_cast<size_t>(status.st_size) : 0);
    good = good && std::fread(bytes_.data(), 1, bytes_.size(), in) == bytes_.size();
    std::fclose(in);
    if (!good) return failed(kGet, file);
    if (options_.verify) {
      fill(expected_, object + (uint64_t{agent_} << 32U), bytes_.size());
      if (expected_ != bytes_) return {kGet, 0, fmt::format("{}: its {} bytes are not what was put", file, bytes_.size())};
    }
    return {kGet, bytes_.size(), ""};
  }

  Done list() {
    std::error_code code;
    uint64_t names = 0;
    for (fs::directory_iterator entry(folder_, code), end; !code && entry != end; entry.increment(code))
      names += entry->path().native().size();
    if (code) return {kList, 0, fmt::format("{}: {}", folder_, code.message())};
    return {kList, names, ""};
  }

  Done head(uint32_t object) {
    struct stat status{};
    const std::string file = path(object);
    return ::stat(file.c_str(), &status) == 0 ? Done{kHead, 0, ""} : failed(kHead, file);
  }

  Done remove(size_t which) {
    const std::string file = path(present_[which]);
    std::swap(present_[which], present_.back());
    present_.pop_back();
    return ::unlink(file.c_str()) == 0 ? Done{kDelete, 0, ""} : failed(kDelete, file);
  }

  const ObjectOptions& options_;
  const std::string folder_;
  const uint32_t agent_, index_;
  runtime::SplitMix random_;
  const WeightedChoice choice_;
  std::vector<uint32_t> mine_, present_;
  size_t next_put_ = 0;
  std::string bytes_, expected_;
};

}  // namespace

ObjectWorkload::ObjectWorkload(ObjectOptions options, RunResources& resources)
    : options_(std::move(options)),
      folder_(fmt::format("{}/agent-{}", options_.target.substr(std::string_view("file://").size()), resources.agent())),
      agent_(resources.agent()) {}

Status ObjectWorkload::validate() {
  std::error_code code;
  fs::create_directories(folder_, code);
  const std::string probe = folder_ + "/.probe";
  FILE* out = code ? nullptr : std::fopen(probe.c_str(), "wb");
  if (out == nullptr) return error(Code::Io, "cannot write into {}: {}", folder_, code ? code.message() : std::strerror(errno));
  std::fclose(out);
  if (std::remove(probe.c_str()) != 0) return error(Code::Io, "cannot remove {}: {}", probe, std::strerror(errno));
  return ok();
}

Status ObjectWorkload::clean() {
  std::error_code code;
  if (!fs::exists(folder_, code)) return ok();
  for (fs::directory_iterator entry(folder_, code), end; !code && entry != end; entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with("obj-") && !name.starts_with(".draft-")) continue;  // not ours
    fs::remove(entry->path(), code);
    if (code) return error(Code::Io, "cannot remove {}: {}", entry->path().string(), code.message());
  }
  if (code) return error(Code::Io, "cannot read {}: {}", folder_, code.message());
  fs::remove(folder_, code);  // stays when somebody else put something there
  return ok();
}

Result<std::unique_ptr<Worker>> ObjectWorkload::make_worker(uint32_t index) {
  PENSTOCK_TRY(validate());
  if (index >= options_.objects)
    return error(Code::InvalidConfig, "{} objects are too few for {} workers", options_.objects, options_.load.concurrency);
  return std::unique_ptr<Worker>(std::make_unique<ObjectWorker>(options_, folder_, agent_, index));
}

}  // namespace penstock::bench
