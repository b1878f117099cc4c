#include "storage/epoch_log/log_core.h"

#include <charconv>

namespace penstock::storage {

namespace {

constexpr std::string_view kSequenceFile = "SEQUENCE";
constexpr uint64_t kLease = 1 << 20;

}  // namespace

void BackgroundJobs::post(runtime::Job job) {
  {
    MutexLock lock(state_->mutex);
    if (state_->closed) return;
    state_->waiting.push_back(std::move(job));
  }
  executor_.post([state = state_] {
    runtime::Job next;
    {
      MutexLock lock(state->mutex);
      if (state->waiting.empty()) return;  // closed
      next = std::move(state->waiting.front());
      state->waiting.pop_front();
      ++state->running;
    }
    next();
    next = nullptr;  // what it held goes before the owner may
    MutexLock lock(state->mutex);
    --state->running;
    state->idle.notify_all();
  });
}

void BackgroundJobs::close() {
  std::deque<runtime::Job> never_run;
  MutexLock lock(state_->mutex);
  state_->closed = true;
  never_run.swap(state_->waiting);
  while (state_->running > 0) state_->idle.wait(state_->mutex);
}

Result<std::unique_ptr<SequenceSource>> SequenceSource::open(DataFolder& folder) {
  auto source = std::unique_ptr<SequenceSource>(new SequenceSource(folder));
  const std::string path = fmt::format("{}/{}", folder.path(), kSequenceFile);
  MutexLock lock(source->mutex_);
  if (folder.files().exists(path)) {
    PENSTOCK_TRY(const std::string text, read_file(folder.files(), path));
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), source->next_);
    if (parsed.ec != std::errc{} || std::string_view(parsed.ptr, text.data() + text.size()) != "\n") {
      return error(Code::Corruption, "{} holds no sequence number", path);
    }
  }
  source->end_ = source->next_;  // the first number takes a lease: a node starts on a full disk, too
  return source;
}

Status SequenceSource::lease() {
  PENSTOCK_TRY(write_file_atomically(folder_.files(), folder_.path(), std::string(kSequenceFile), fmt::format("{}\n", next_ + kLease)));
  end_ = next_ + kLease;
  return ok();
}

Result<uint64_t> SequenceSource::take() {
  MutexLock lock(mutex_);
  if (next_ == end_) {
    PENSTOCK_TRY(lease());
  }
  return next_++;
}

}  // namespace penstock::storage
