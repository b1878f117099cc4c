#pragma once

#include "storage/object_store/object_store.h"

namespace penstock::storage {

/// Objects as files of one folder. A put writes a draft and renames it over the old object, without fsync: what an object store
/// acknowledges is never half-written, and this one is for measuring, not for keeping.
class FileObjectStore final : public ObjectStore {
 public:
  [[nodiscard]] static Result<std::unique_ptr<ObjectStore>> open(std::string folder, runtime::Runtime& runtime);
  Status put(std::string_view name, std::string_view bytes) override;
  Status get(std::string_view name, std::string& into) override;
  Result<ObjectInfo> head(std::string_view name) override;
  Result<std::vector<ObjectInfo>> list(std::string_view prefix) override;
  Status remove(std::string_view name) override;
  Status remove_unfinished() override;

 private:
  FileObjectStore(std::string folder, uint64_t draft)
      : folder_(std::move(folder)), draft_(fmt::format("{}/.draft-{:016x}", folder_, draft)) {}
  [[nodiscard]] std::string path(std::string_view name) const { return fmt::format("{}/{}", folder_, name); }

  const std::string folder_;
  const std::string draft_;
};

}  // namespace penstock::storage
