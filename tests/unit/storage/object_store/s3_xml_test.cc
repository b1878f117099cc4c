#include "storage/object_store/s3_xml.h"

#include <gtest/gtest.h>

namespace penstock::storage::s3_xml {
namespace {

TEST(S3Xml, reads_a_page_of_a_list_and_where_it_goes_on) {
  const auto page = parse_list(
      "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><KeyCount>2</KeyCount>"
      "<Contents><Key>a&amp;b &#x3C;&#10;&quot;</Key><Size>12</Size></Contents><Contents><Size>0</Size><Key>c</Key></Contents>"
      "<IsTruncated>true</IsTruncated><NextContinuationToken>1/t==</NextContinuationToken></ListBucketResult>");
  ASSERT_TRUE(page.has_value());
  ASSERT_EQ(page.value().objects.size(), 2U);
  EXPECT_EQ(page.value().objects[0].name, "a&b <\n\"");
  EXPECT_EQ(page.value().objects[0].bytes, 12U);
  EXPECT_EQ(page.value().objects[1].name, "c");
  EXPECT_EQ(page.value().next, "1/t==");
}

TEST(S3Xml, reads_an_empty_list) {
  const auto page = parse_list("<ListBucketResult><IsTruncated>false</IsTruncated><Contents/></ListBucketResult>");
  ASSERT_TRUE(page.has_error()) << "an object without a key";
  const auto empty = parse_list("<ListBucketResult><Name>b</Name><Prefix/><IsTruncated>false</IsTruncated></ListBucketResult>");
  ASSERT_TRUE(empty.has_value());
  EXPECT_TRUE(empty.value().objects.empty());
  EXPECT_FALSE(empty.value().next);
}

TEST(S3Xml, refuses_what_is_no_list) {
  for (const char* wrong : {"", "<html><body>It works!</body></html>", "<Error><Code>NoSuchBucket</Code></Error>",
                            "<ListBucketResult><Contents><Key>a</Key><Size>big</Size></Contents></ListBucketResult>",
                            "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
                            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}) {
    EXPECT_TRUE(parse_list(wrong).has_error()) << wrong;
  }
}

TEST(S3Xml, survives_documents_that_are_cut_off) {
  const std::string whole = "<ListBucketResult><Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>";
  for (size_t length = 0; length < whole.size(); ++length) {
    const auto page = parse_list(whole.substr(0, length));
    if (page.has_value()) {
      EXPECT_LE(page.value().objects.size(), 1U);
    }
  }
}

TEST(S3Xml, reads_uploads_and_errors) {
  const auto page = parse_uploads(
      "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>"
      "<NextUploadIdMarker>7</NextUploadIdMarker><Upload><Key>k</Key><UploadId>7</UploadId></Upload></ListMultipartUploadsResult>");
  ASSERT_TRUE(page.has_value());
  ASSERT_EQ(page.value().uploads.size(), 1U);
  EXPECT_EQ(page.value().uploads[0].id, "7");
  EXPECT_EQ(page.value().next->key, "k");
  const auto failed = parse_error("<Error><Code>NoSuchKey</Code><Message>It&apos;s not there</Message><Key>x</Key></Error>");
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->code, "NoSuchKey");
  EXPECT_EQ(failed->message, "It's not there");
  EXPECT_FALSE(parse_error("<CompleteMultipartUploadResult/>"));
}

TEST(S3Xml, completes_an_upload_with_its_parts_in_order) {
  EXPECT_EQ(complete_upload({"\"a\"", "\"b\""}),
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>&quot;b&quot;</ETag></Part></CompleteMultipartUpload>");
}

}  // namespace
}  // namespace penstock::storage::s3_xml
