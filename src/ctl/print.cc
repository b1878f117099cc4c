#include "ctl/print.h"

#include <google/protobuf/util/json_util.h>

#include <cstdio>

namespace penstock::ctl {

Status print_json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions form;
  form.add_whitespace = true;
  form.always_print_primitive_fields = true;
  form.preserve_proto_field_names = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, form).ok())
    return error(Code::Internal, "cannot write the answer as JSON");
  std::fputs((text + "\n").c_str(), stdout);
  return ok();
}

}  // namespace penstock::ctl
