#include "sim/cluster.h"

#include "connector/source/catalog_spec.h"
#include "proto/catalog.pb.h"

namespace penstock::sim {
namespace {

Result<meta::SourceListing> list_source(const pb::CatalogObject& source) {
  const connector::SourceSpec spec = connector::spec_of(source);
  PENSTOCK_TRY(const auto splits, connector::list_splits(spec));
  meta::SourceListing listing{.finite = connector::is_finite(spec)};
  for (const connector::SplitPosition& split : splits) listing.splits.push_back({split.id, split.identity});
  return listing;
}

// 0: there is none.
uint32_t id_of(const frontend::MetaView& view, const std::string& database) {
  for (const auto& candidate : view.catalog->databases()) {
    if (candidate.name() == database) return candidate.id();
  }
  return 0;
}

}  // namespace

Cluster::Cluster(Options options, Journal& journal, runtime::SimRuntime& world)
    : options_(options),
      journal_(journal),
      world_(world),
      checker_([this](const std::string& what) { journal_.fail("{}", what); }),
      network_(world),
      undertaker_(world.make_serial("undertaker", false)) {
  network_.set_delay(options_.min_delay, options_.max_delay);
  start_meta();
  for (size_t i = 0; i < options_.computes; ++i) {
    computes_.push_back(std::make_unique<Compute>());
    if (i + options_.late < options_.computes) start_compute(i);
  }
  (void)start_frontend();
}

Cluster::~Cluster() {
  for (size_t i = 0; i < computes_.size(); ++i) kill_compute(i);
  kill_meta();
  for (const auto& frontend : frontends_) {
    network_.kill(frontend->name);
    frontend->process.kill();
  }
}

void Cluster::start_meta() {
  if (meta_.node) return;
  journal_.note("meta starts");
  meta::MetaNode::Options options;
  options.store = std::make_shared<meta::MemoryMetaStore>(meta_.disk);
  options.barrier_interval_ms = options_.barrier_interval_ms;
  options.checkpoint_frequency = options_.checkpoint_frequency;
  options.list_splits = list_source;
  options.on_fatal = [this](const Error& error) { on_meta_fatal(error); };
  meta_.process = std::make_unique<Process>(world_);
  meta_.transport = checker_.watch(network_.transport("meta", meta_.process.get()));
  auto started = meta::MetaNode::start(std::move(options), *meta_.process, *meta_.transport, "meta:5690");
  if (started.has_error()) return journal_.fail("meta does not start: {}", started.error());
  meta_.node = std::move(started).value();
}

void Cluster::kill_meta() {
  if (!meta_.node) return;
  journal_.note("meta is killed");
  // Its end may wait, and whoever runs meanwhile may start the next one.
  const auto process = std::move(meta_.process);
  const auto transport = std::move(meta_.transport);
  auto node = std::move(meta_.node);
  network_.kill("meta");
  process->kill();
  node.reset();
}

void Cluster::on_meta_fatal(const Error& error) {
  journal_.note("meta gives up: {}", error);
  undertaker_->post([this] { kill_meta(); });
}

void Cluster::start_rival_meta() {
  journal_.note("a rival meta leads");
  meta::MemoryMetaStore rival(meta_.disk);
  if (const auto led = rival.lead(7); led.has_error()) journal_.fail("the rival cannot lead: {}", led.error());
}

void Cluster::start_compute(size_t i) {
  if (computes_[i]->node) return;
  journal_.note("{} starts", name_of(i));
  if (const Status opened = open_compute(i); opened.has_error()) {
    journal_.note("{} does not start: {}", name_of(i), opened.error());
    kill_compute(i);
  }
}

Status Cluster::open_compute(size_t i) {
  Compute& compute = *computes_[i];
  ++compute.starts;
  compute.process = std::make_unique<Process>(world_);
  compute.transport = network_.transport(name_of(i), compute.process.get());
  PENSTOCK_TRY(compute.folder, storage::DataFolder::open(compute.files, "/data"));
  PENSTOCK_TRY(storage::NodeIdentity identity,
               storage::NodeIdentity::load_or_create(*compute.folder, [this](void* out, size_t size) { world_.random_bytes(out, size); }));
  storage::EpochLogOptions log;
  log.flush_threshold = options_.flush_threshold;
  log.flush_segments = 16;
  log.write_ahead = 8 << 10;
  log.files.smallest = 8 << 10;
  log.disk_reserve = 64 << 10;
  PENSTOCK_TRY(compute.store, storage::LogStateStore::open(*compute.process, *compute.folder, identity.uuid,
                                                           std::make_unique<storage::MemoryBase>(compute.base), log));
  compute::ComputeNode::Options node{.listen = name_of(i) + ":5688", .meta = "meta:5690", .parallelism = options_.parallelism};
  node.memory_bytes = options_.memory_bytes;
  node.ballast_bytes = 16 << 10;
  PENSTOCK_TRY(compute.node, compute::ComputeNode::start(std::move(node), *compute.process, *compute.transport, *compute.folder,
                                                         std::move(identity), *compute.store));
  return ok();
}

void Cluster::kill_compute(size_t i) {
  Compute& compute = *computes_[i];
  if (!compute.process) return;
  journal_.note("{} is killed", name_of(i));
  network_.kill(name_of(i));
  compute.process->kill();
  compute.files.crash([this] { return world_.random() % 2 == 0; });
  compute.node.reset();
  compute.store.reset();
  compute.folder.reset();
  compute.transport.reset();
  compute.process.reset();
}

void Cluster::leave_compute(size_t i) {
  if (!computes_[i]->node) return;
  journal_.note("{} leaves", name_of(i));
  computes_[i]->node->leave([this, i, start = computes_[i]->starts] { undertaker_->post([this, i, start] { bury_compute(i, start); }); });
}

void Cluster::bury_compute(size_t i, uint64_t start) {
  if (computes_[i]->starts != start || !computes_[i]->process) return;
  if (may_kill_compute(i)) return kill_compute(i);
  world_.post_after(std::chrono::milliseconds(1), *undertaker_, [this, i, start] { bury_compute(i, start); });
}

WorkerId Cluster::worker_of(size_t i) const {
  const auto view = frontends_.front()->meta.view();
  if (!view) return {};
  for (const auto& [id, worker] : view->workers) {
    if (worker->endpoint() == name_of(i) + ":5688") return id;
  }
  return {};
}

size_t Cluster::start_frontend() {
  const size_t number = frontends_.size();
  frontends_.push_back(std::make_unique<Frontend>(world_, network_, number == 0 ? "frontend" : fmt::format("frontend-{}", number)));
  return number;
}

void Cluster::kill_frontend(size_t i) {
  if (!std::exchange(frontends_[i]->alive, false)) return;
  journal_.note("{} is killed", frontends_[i]->name);
  network_.kill(frontends_[i]->name);
}

std::unique_ptr<SqlClient> Cluster::connect(const std::string& database, size_t frontend) {
  Frontend& at = *frontends_[frontend];
  const auto view = at.meta.wait([&](const frontend::MetaView& known) { return id_of(known, database) != 0; }, std::chrono::seconds(60),
                                 nullptr, "database " + database);
  if (view.has_error()) {
    if (at.alive) journal_.fail("no session: {}", view.error());
    return nullptr;
  }
  const uint32_t id = id_of(*view.value(), database);
  const frontend::SessionServices services{at.process, *at.loop, *at.transport, at.meta, at.locks.emplace_back()};
  return std::make_unique<SqlClient>(
      frontend::make_session(services, {.database = database, .database_id = DatabaseId{id}, .user = "root"}));
}

std::vector<std::string> Cluster::node_names() const {
  std::vector<std::string> names{"meta", "frontend"};
  for (size_t i = 0; i < computes_.size(); ++i) names.push_back(name_of(i));
  return names;
}

}  // namespace penstock::sim
