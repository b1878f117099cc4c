// The bytes of every message of the control stream, as nodes of this version write them: a compute and a meta of neighbouring releases read
// each other's messages, so a field keeps its number and its type for ever.
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "proto/control_stream.pb.h"
#include "stream/task/barrier_worker/control_codec.h"

namespace penstock::stream {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr const char* kFolder = "tests/unit/stream/task/barrier_worker/golden";
constexpr int kDeepest = 5;  // of plans, which nest without end

// Fills every field with a value that depends on its number, so that two fields that change places are noticed. Of a oneof the first member
// is set. Plans are the planner's business: a message of another file stays empty.
void fill(Message& message, int depth);

void fill_field(Message& message, const FieldDescriptor& field, int depth) {
  const Reflection& r = *message.GetReflection();
  const auto number = static_cast<uint64_t>(field.number()) + 100 * static_cast<uint64_t>(depth);
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return repeated ? r.AddInt32(&message, &field, static_cast<int32_t>(number))
                      : r.SetInt32(&message, &field, static_cast<int32_t>(number));
    case FieldDescriptor::CPPTYPE_INT64:
      return repeated ? r.AddInt64(&message, &field, static_cast<int64_t>(number))
                      : r.SetInt64(&message, &field, static_cast<int64_t>(number));
    case FieldDescriptor::CPPTYPE_UINT32:
      return repeated ? r.AddUInt32(&message, &field, static_cast<uint32_t>(number))
                      : r.SetUInt32(&message, &field, static_cast<uint32_t>(number));
    case FieldDescriptor::CPPTYPE_UINT64:
      return repeated ? r.AddUInt64(&message, &field, number) : r.SetUInt64(&message, &field, number);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return repeated ? r.AddDouble(&message, &field, static_cast<double>(number))
                      : r.SetDouble(&message, &field, static_cast<double>(number));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return repeated ? r.AddFloat(&message, &field, static_cast<float>(number)) : r.SetFloat(&message, &field, static_cast<float>(number));
    case FieldDescriptor::CPPTYPE_BOOL:
      return repeated ? r.AddBool(&message, &field, true) : r.SetBool(&message, &field, true);
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int last = field.enum_type()->value(field.enum_type()->value_count() - 1)->number();
      return repeated ? r.AddEnumValue(&message, &field, last) : r.SetEnumValue(&message, &field, last);
    }
    case FieldDescriptor::CPPTYPE_STRING:
      return repeated ? r.AddString(&message, &field, fmt::format("text {}", number))
                      : r.SetString(&message, &field, fmt::format("text {}", number));
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const bool ours = field.message_type()->file() == pb::ControlRequest::descriptor()->file();
      if (depth >= kDeepest || !ours) return;
      return fill(repeated ? *r.AddMessage(&message, &field) : *r.MutableMessage(&message, &field), depth + 1);
    }
  }
}

void fill(Message& message, int depth) {
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const auto* choice = field.real_containing_oneof();
    if (choice != nullptr && choice->field(0) != &field) continue;
    fill_field(message, field, depth);
  }
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i)
    out += fmt::format("{}{:02x}", i > 0 && i % 32 == 0 ? "\n" : "", static_cast<uint8_t>(bytes[i]));
  return out;
}

std::string unhex(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '\n');
  std::string out;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) out += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return out;
}

std::string bytes_of(const Message& message) {
  std::string out;
  {
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);  // maps
    message.SerializeToCodedStream(&coded);
  }
  return out;
}

std::string text_of(const Message& message) {
  std::string out;
  google::protobuf::TextFormat::PrintToString(message, &out);
  return out;
}

// "message" is the outermost one; `kind` the member of its oneof that is set.
struct Sample {
  std::string file;
  std::unique_ptr<Message> message;
};

void add_samples(const Message& prototype, std::vector<Sample>& out) {
  const auto& type = *prototype.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& kind = *type.field(i);
    Sample sample{fmt::format("{}/{}.{}.txt", kFolder, type.name(), kind.name()), std::unique_ptr<Message>(prototype.New())};
    fill(*sample.message->GetReflection()->MutableMessage(sample.message.get(), &kind), 1);
    out.push_back(std::move(sample));
  }
}

std::vector<Sample> samples() {
  std::vector<Sample> out;
  add_samples(pb::ControlRequest::default_instance(), out);
  add_samples(pb::ControlResponse::default_instance(), out);
  add_samples(pb::Mutation::default_instance(), out);
  return out;
}

const char* const kWhatToDo =
    "\nA message of the control stream has no golden bytes, or other ones than were released.\n"
    "  - New message or field: take a number that was never used, raise kControlVersion once for the next release, and write the bytes "
    "with\n"
    "    PENSTOCK_UPDATE_GOLDEN=1 build/release/bin/unit_stream_task_barrier_worker --gtest_filter='ControlGolden*'\n"
    "  - Renumbered or retyped field: undo it; nodes of the last release would misread it.\n";

TEST(ControlGolden, every_message_has_the_bytes_it_was_released_with) {
  const bool update = std::getenv("PENSTOCK_UPDATE_GOLDEN") != nullptr;
  if (update) std::filesystem::create_directories(kFolder);
  for (const Sample& sample : samples()) {
    if (update) std::ofstream(sample.file) << hex(bytes_of(*sample.message)) << "\n\n" << text_of(*sample.message);
    std::ifstream file(sample.file);
    ASSERT_TRUE(file.is_open()) << sample.file << " is missing" << kWhatToDo;
    const std::string golden{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const std::string bytes = unhex(golden.substr(0, golden.find("\n\n")));
    const std::string text = golden.substr(golden.find("\n\n") + 2);

    // A field that is new since then is simply not there.
    const std::unique_ptr<Message> read(sample.message->New());
    ASSERT_TRUE(read->ParseFromString(bytes)) << sample.file << kWhatToDo;
    EXPECT_EQ(text_of(*read), text) << sample.file << ": the bytes of the last release mean something else now" << kWhatToDo;
    const std::unique_ptr<Message> meant(sample.message->New());
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, meant.get())) << sample.file << kWhatToDo;
    EXPECT_EQ(hex(bytes_of(*meant)), hex(bytes)) << sample.file << ": the same message has other bytes now" << kWhatToDo;
  }
}

TEST(ControlGolden, no_file_is_left_of_a_message_that_went_away) {
  std::set<std::string> wanted;
  for (const Sample& sample : samples()) wanted.insert(sample.file);
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    EXPECT_TRUE(wanted.contains(entry.path().string()))
        << entry.path() << ": its field's number must stay reserved in the proto" << kWhatToDo;
  }
}

// Bytes of a later version may hold fields that this one does not know: they are kept apart, never taken for something else.
TEST(ControlGolden, a_field_of_a_later_version_changes_nothing_else) {
  for (const Sample& sample : samples()) {
    const std::string later = bytes_of(*sample.message) + "\xfa\xff\x01\x03new";  // field 4095, a string
    const std::unique_ptr<Message> read(sample.message->New());
    ASSERT_TRUE(read->ParseFromString(later)) << sample.file;
    read->GetReflection()->MutableUnknownFields(read.get())->Clear();
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*read, *sample.message)) << sample.file;
  }
}

}  // namespace
}  // namespace penstock::stream
