#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "storage/object_store/object_store.h"

/// The few XML documents that S3 sends and takes. Pure. They nest no element in one of the same name, so this is no general parser.
namespace penstock::storage::s3_xml {

struct ListPage {
  std::vector<ObjectInfo> objects;
  std::optional<std::string> next;  // continuation token
};
struct Upload {
  std::string key;
  std::string id;
};
struct UploadPage {
  std::vector<Upload> uploads;
  std::optional<Upload> next;  // markers
};
struct ErrorText {
  std::string code;
  std::string message;
};

/// The text within the first <name>, or nothing.
[[nodiscard]] std::optional<std::string> text_of(std::string_view xml, std::string_view name);
/// Errors: `Protocol`.
[[nodiscard]] Result<ListPage> parse_list(std::string_view xml);
[[nodiscard]] Result<UploadPage> parse_uploads(std::string_view xml);
/// Nothing if it is no <Error>.
[[nodiscard]] std::optional<ErrorText> parse_error(std::string_view xml);
/// The body that completes a multipart upload of parts with these ETags, from part 1.
[[nodiscard]] std::string complete_upload(const std::vector<std::string>& etags);

}  // namespace penstock::storage::s3_xml
