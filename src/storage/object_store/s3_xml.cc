#include "storage/object_store/s3_xml.h"

#include <charconv>

namespace penstock::storage::s3_xml {
namespace {

// What stands within the first <name …> … </name> at or after `at`, which moves behind it.
std::optional<std::string_view> element(std::string_view xml, std::string_view name, size_t& at) {
  const std::string open = fmt::format("<{}", name), close = fmt::format("</{}>", name);
  for (size_t from = xml.find(open, at); from != std::string_view::npos; from = xml.find(open, from + 1)) {
    const size_t after = from + open.size();
    const size_t end_of_tag = xml.find('>', after);
    if (end_of_tag == std::string_view::npos) return std::nullopt;
    if (xml[after] != '>' && xml[after] != ' ' && xml[after] != '/') continue;  // a longer name
    if (xml[end_of_tag - 1] == '/') {                                           // <name/>
      at = end_of_tag + 1;
      return std::string_view();
    }
    const size_t end = xml.find(close, end_of_tag);
    if (end == std::string_view::npos) return std::nullopt;
    at = end + close.size();
    return xml.substr(end_of_tag + 1, end - end_of_tag - 1);
  }
  return std::nullopt;
}

void append_utf8(std::string& text, uint32_t point) {
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xC0U | (point >> 6U));
    text += static_cast<char>(0x80U | (point & 0x3FU));
  } else if (point < 0x10000) {
    text += static_cast<char>(0xE0U | (point >> 12U));
    text += static_cast<char>(0x80U | ((point >> 6U) & 0x3FU));
    text += static_cast<char>(0x80U | (point & 0x3FU));
  } else {
    text += static_cast<char>(0xF0U | (point >> 18U));
    text += static_cast<char>(0x80U | ((point >> 12U) & 0x3FU));
    text += static_cast<char>(0x80U | ((point >> 6U) & 0x3FU));
    text += static_cast<char>(0x80U | (point & 0x3FU));
  }
}

// "&#10;" or "&#xA;" without '&' and ';'; false when it is no number.
bool append_numbered(std::string& text, std::string_view entity) {
  const bool hexadecimal = entity.starts_with("#x");
  entity.remove_prefix(hexadecimal ? 2 : 1);
  uint32_t point = 0;
  const auto [end, failed] = std::from_chars(entity.data(), entity.data() + entity.size(), point, hexadecimal ? 16 : 10);
  if (failed != std::errc() || end != entity.data() + entity.size() || point > 0x10FFFF) return false;
  append_utf8(text, point);
  return true;
}

std::string unescape(std::string_view xml) {
  static constexpr std::pair<std::string_view, char> kNamed[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
  std::string text;
  while (!xml.empty()) {
    const size_t mark = std::min(xml.find('&'), xml.size());
    text += xml.substr(0, mark);
    xml.remove_prefix(mark);
    const size_t end = xml.find(';');
    if (xml.empty() || end == std::string_view::npos) {
      text += xml;
      break;
    }
    const std::string_view entity = xml.substr(1, end - 1);
    const auto* named = std::ranges::find(kNamed, entity, &std::pair<std::string_view, char>::first);
    if (named != std::end(kNamed)) {
      text += named->second;
    } else if (!entity.starts_with('#') || !append_numbered(text, entity)) {
      text += xml.substr(0, end + 1);
    }
    xml.remove_prefix(end + 1);
  }
  return text;
}

bool says_true(std::string_view xml, std::string_view name) { return text_of(xml, name).value_or("") == "true"; }

}  // namespace

std::optional<std::string> text_of(std::string_view xml, std::string_view name) {
  size_t at = 0;
  const auto found = element(xml, name, at);
  if (!found) return std::nullopt;
  return unescape(*found);
}

Result<ListPage> parse_list(std::string_view xml) {
  if (xml.find("<ListBucketResult") == std::string_view::npos) return error(Code::Protocol, "the answer is no list of a bucket");
  ListPage page;
  size_t at = 0;
  while (const auto contents = element(xml, "Contents", at)) {
    auto key = text_of(*contents, "Key");
    const std::string size = text_of(*contents, "Size").value_or("");
    ObjectInfo object;
    const auto [end, failed] = std::from_chars(size.data(), size.data() + size.size(), object.bytes);
    if (!key || failed != std::errc() || end != size.data() + size.size())
      return error(Code::Protocol, "an object of the list has no key or size");
    object.name = std::move(*key);
    page.objects.push_back(std::move(object));
  }
  if (!says_true(xml, "IsTruncated")) return page;
  page.next = text_of(xml, "NextContinuationToken");
  if (!page.next || page.next->empty()) return error(Code::Protocol, "the list goes on but does not say where");
  return page;
}

Result<UploadPage> parse_uploads(std::string_view xml) {
  if (xml.find("<ListMultipartUploadsResult") == std::string_view::npos) return error(Code::Protocol, "the answer is no list of uploads");
  UploadPage page;
  size_t at = 0;
  while (const auto upload = element(xml, "Upload", at)) {
    page.uploads.push_back({text_of(*upload, "Key").value_or(""), text_of(*upload, "UploadId").value_or("")});
  }
  if (says_true(xml, "IsTruncated"))
    page.next = {text_of(xml, "NextKeyMarker").value_or(""), text_of(xml, "NextUploadIdMarker").value_or("")};
  return page;
}

std::optional<ErrorText> parse_error(std::string_view xml) {
  size_t at = 0;
  const auto body = element(xml, "Error", at);
  if (!body) return std::nullopt;
  return ErrorText{text_of(*body, "Code").value_or(""), text_of(*body, "Message").value_or("")};
}

std::string complete_upload(const std::vector<std::string>& etags) {
  std::string xml = "<CompleteMultipartUpload>";
  for (size_t i = 0; i < etags.size(); ++i) {
    xml += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>", i + 1);
    for (const char c : etags[i]) xml += c == '"' ? "&quot;" : c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c);
    xml += "</ETag></Part>";
  }
  return xml + "</CompleteMultipartUpload>";
}

}  // namespace penstock::storage::s3_xml
