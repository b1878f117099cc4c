#pragma once

#include <string>
#include <vector>

#include "connector/source/split_reader.h"

namespace penstock::connector {

enum class OnError : uint8_t { Fail, Skip };

/// WITH options of connector = 'posix_fs'.
struct PosixFsOptions {
  std::string root;
  std::string pattern = "*";  // shell pattern over names in `root`, no subfolders
  bool follow = false;        // when the end is reached wait for more, and for more files
  OnError on_error = OnError::Fail;
};

[[nodiscard]] Result<PosixFsOptions> parse_posix_fs(const SourceSpec& spec);
/// Files that match, by name; each with its identity. Errors: `Io` for a folder that cannot be read, or (unless followed) holds no match.
[[nodiscard]] Result<std::vector<SplitPosition>> list_files(const PosixFsOptions& options);
/// "size head-size xxh3(head)": what makes a file this file. The head is at most 64 KiB.
[[nodiscard]] Result<std::string> file_identity(const std::string& path);
/// Errors: `Io` if the file is gone, `Corruption` if it is another one. A followed file may have grown.
[[nodiscard]] Status check_identity(const std::string& path, const std::string& identity, bool may_grow);

}  // namespace penstock::connector
