#include "rpc/memory_hub.h"

#include "rpc/memory_link.h"

namespace penstock::rpc {

MemoryNodeRef MemoryHub::add_node(std::string_view name) {
  auto node = std::make_shared<MemoryNode>();
  node->name = name;
  const MutexLock lock(mutex_);
  std::erase_if(nodes_, [](const auto& weak) { return weak.expired(); });
  nodes_.push_back(node);
  return node;
}

Result<std::pair<std::string, uint64_t>> MemoryHub::listen(std::string_view address, MemoryNodeRef node, std::shared_ptr<Service> service) {
  if (!node->alive.load()) return error(Code::Io, "cannot listen on {}: the node was killed", address);
  const MutexLock lock(mutex_);
  std::string real(address);
  if (real.ends_with(":0")) real = fmt::format("{}{}", address.substr(0, address.size() - 1), next_port_++);
  const auto taken = listeners_.find(real);
  if (taken != listeners_.end()) {
    return error(Code::Io, "cannot listen on {}: the address is in use by {}", real, taken->second.node->name);
  }
  const uint64_t id = ++ids_;
  listeners_.emplace(real, Listening{id, std::move(node), std::move(service)});
  return std::pair(std::move(real), id);
}

void MemoryHub::unlisten(const std::string& address, uint64_t id) {
  std::shared_ptr<Service> dropped;
  {
    const MutexLock lock(mutex_);
    const auto found = listeners_.find(address);
    if (found == listeners_.end() || found->second.id != id) return;
    dropped = std::move(found->second.service);
    listeners_.erase(found);
  }
  for (const auto& link : links()) link->end_of_listener(id);
}

std::optional<MemoryHub::Listening> MemoryHub::find(const std::string& address) const {
  const MutexLock lock(mutex_);
  const auto found = listeners_.find(address);
  if (found == listeners_.end()) return std::nullopt;
  return found->second;
}

MemoryNodeRef MemoryHub::owner_of(const std::string& address) const {
  const MutexLock lock(mutex_);
  const auto found = listeners_.find(address);
  return found == listeners_.end() ? nullptr : found->second.node;
}

bool MemoryHub::add_link(const std::shared_ptr<MemoryLink>& link) {
  const MutexLock lock(mutex_);
  if (shut_down_) return false;
  link->id = ++ids_;
  links_.emplace(link->id, link);
  return true;
}

void MemoryHub::remove_link(const MemoryLink* link) {
  const MutexLock lock(mutex_);
  links_.erase(link->id);
}

std::vector<std::shared_ptr<MemoryLink>> MemoryHub::links() const {
  std::vector<std::shared_ptr<MemoryLink>> all;
  const MutexLock lock(mutex_);
  for (const auto& [id, weak] : links_) {
    if (auto link = weak.lock()) all.push_back(std::move(link));
  }
  return all;
}

runtime::Duration MemoryHub::travel_time() {
  const MutexLock lock(mutex_);
  const auto spread = static_cast<uint64_t>((max_delay_ - min_delay_).count());
  return spread == 0 ? min_delay_ : min_delay_ + runtime::Duration(static_cast<int64_t>(runtime_.random() % (spread + 1)));
}

bool MemoryHub::cut_off(const MemoryNode& a, const MemoryNode& b) const {
  const MutexLock lock(mutex_);
  return !cuts_.empty() && cuts_.contains(std::minmax(a.name, b.name));
}

std::string MemoryHub::node_of(std::string_view node_or_address) const {
  const auto found = listeners_.find(node_or_address);
  return found == listeners_.end() ? std::string(node_or_address) : found->second.node->name;
}

MemoryHub::Pair MemoryHub::pair_of(std::string_view a, std::string_view b) const {
  Pair pair(node_of(a), node_of(b));
  if (pair.second < pair.first) std::swap(pair.first, pair.second);
  return pair;
}

void MemoryHub::set_delay(runtime::Duration min, runtime::Duration max) {
  const MutexLock lock(mutex_);
  simulates_.store(true);
  min_delay_ = min;
  max_delay_ = std::max(min, max);
}

void MemoryHub::partition(std::string_view a, std::string_view b) {
  const MutexLock lock(mutex_);
  simulates_.store(true);
  Pair pair = pair_of(a, b);
  if (pair.first != pair.second) cuts_.insert(std::move(pair));
}

void MemoryHub::heal(std::string_view a, std::string_view b) {
  {
    const MutexLock lock(mutex_);
    cuts_.erase(pair_of(a, b));
  }
  for (const auto& link : links()) link->resume();  // those still cut off are held again
}

void MemoryHub::heal_all() {
  {
    const MutexLock lock(mutex_);
    cuts_.clear();
  }
  for (const auto& link : links()) link->resume();
}

void MemoryHub::break_streams(std::string_view a, std::string_view b) {
  Pair pair;
  {
    const MutexLock lock(mutex_);
    pair = pair_of(a, b);
  }
  for (const auto& link : links()) link->break_between(pair.first, pair.second);
}

void MemoryHub::kill(std::string_view node) {
  std::vector<MemoryNodeRef> dead;
  std::vector<std::shared_ptr<Service>> dropped;
  {
    const MutexLock lock(mutex_);
    const std::string name = node_of(node);
    for (const auto& weak : nodes_) {
      auto candidate = weak.lock();
      if (candidate && candidate->name == name && candidate->alive.exchange(false)) dead.push_back(std::move(candidate));
    }
    for (auto& [address, listening] : listeners_) {
      if (!listening.node->alive.load()) dropped.push_back(std::move(listening.service));
    }
    absl::erase_if(listeners_, [](const auto& entry) { return !entry.second.node->alive.load(); });
  }
  for (const auto& link : links()) {
    for (const auto& corpse : dead) link->bury(*corpse);
  }
}

void MemoryHub::shut_down() {
  decltype(listeners_) dropped;
  {
    const MutexLock lock(mutex_);
    shut_down_ = true;
    dropped.swap(listeners_);
  }
  for (const auto& link : links()) link->discard();
}

}  // namespace penstock::rpc
