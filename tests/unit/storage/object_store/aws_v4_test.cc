#include "storage/object_store/aws_v4.h"

#include <gtest/gtest.h>

namespace penstock::storage::aws_v4 {
namespace {

constexpr const char* kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string signature(const Request& request, const Scope& scope, const Credentials& credentials) {
  const std::string text = authorization(request, scope, credentials);
  return text.substr(text.find("Signature=") + 10);
}

/// The worked examples of docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
std::string s3_example(Request request) {
  request.headers.insert(
      request.headers.end(),
      {{"host", "examplebucket.s3.amazonaws.com"}, {"x-amz-content-sha256", request.payload_hash}, {"x-amz-date", "20130524T000000Z"}});
  return signature(request, {"us-east-1", "s3", "20130524T000000Z"},
                   {.access_key = "AKIAIOSFODNN7EXAMPLE", .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", .session_token = ""});
}

/// Of the "Signature Version 4 test suite" (docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html).
std::string suite_example(Request request) {
  request.payload_hash = kEmptyHash;
  request.headers.insert(request.headers.end(), {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}});
  return signature(request, {"us-east-1", "service", "20150830T123600Z"},
                   {.access_key = "AKIDEXAMPLE", .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", .session_token = ""});
}

TEST(AwsV4, signs_the_published_examples_of_s3) {
  EXPECT_EQ(s3_example({"GET", "/test.txt", {}, {{"range", "bytes=0-9"}}, kEmptyHash}),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_EQ(s3_example({"PUT",
                        "/" + uri_encode("test$file.text", true),
                        {},
                        {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                        sha256_hex("Welcome to Amazon S3.")}),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  EXPECT_EQ(s3_example({"GET", "/", {{"lifecycle", ""}}, {}, kEmptyHash}),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  EXPECT_EQ(s3_example({"GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}, kEmptyHash}),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(AwsV4, signs_the_published_test_suite) {
  EXPECT_EQ(suite_example({"GET", "/", {}, {}, ""}), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(suite_example({"GET", "/", {{"Param2", "value2"}, {"Param1", "value1"}}, {}, ""}),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
  EXPECT_EQ(suite_example({"POST", "/", {}, {}, ""}), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

TEST(AwsV4, writes_the_canonical_request_as_published) {
  Request request{"GET", "/test.txt", {}, {{"x-amz-date", "20130524T000000Z"}, {"host", "examplebucket.s3.amazonaws.com"}}, kEmptyHash};
  request.headers.insert(request.headers.begin(), {"range", "  bytes=0-9 "});
  EXPECT_EQ(canonical_request(request),
            "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\nx-amz-date:20130524T000000Z\n\n"
            "host;range;x-amz-date\n" +
                std::string(kEmptyHash));
}

TEST(AwsV4, encodes_everything_but_the_unreserved) {
  EXPECT_EQ(uri_encode("a/b c~-._%\xC3\xA9", true), "a/b%20c~-._%25%C3%A9");
  EXPECT_EQ(uri_encode("a/b", false), "a%2Fb");
  EXPECT_EQ(canonical_query({{"b", "1"}, {"a", "x y"}, {"a", ""}}), "a=&a=x%20y&b=1");
  EXPECT_EQ(format_time(1369353600000000), "20130524T000000Z");
}

}  // namespace
}  // namespace penstock::storage::aws_v4
