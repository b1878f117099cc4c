#include "data/types.h"

#include <gtest/gtest.h>

namespace penstock::data {
namespace {

TEST(DataType, is_found_by_each_of_its_names) {
  for (const auto& [name, printed] : std::vector<std::pair<std::string, std::string>>{{"bool", "boolean"},
                                                                                      {"int2", "smallint"},
                                                                                      {"int", "integer"},
                                                                                      {"bigint", "bigint"},
                                                                                      {"real", "real"},
                                                                                      {"float8", "double precision"},
                                                                                      {"decimal", "numeric"},
                                                                                      {"numeric(10,2)", "numeric(10,2)"},
                                                                                      {"numeric( 38 , 38 )", "numeric(38,38)"},
                                                                                      {"numeric(5)", "numeric(5,0)"},
                                                                                      {"text", "character varying"},
                                                                                      {"timestamp", "timestamp without time zone"},
                                                                                      {"date", "date"},
                                                                                      {"interval", "interval"}}) {
    EXPECT_EQ(type_of_name(name).value().to_string(), printed) << name;
  }
}

TEST(DataType, refuses_unknown_names_and_impossible_modifiers) {
  for (const std::string name :
       {"", "blob", "int(4)", "numeric(39)", "numeric(0)", "numeric(3,4)", "numeric(3,-1)", "numeric(", "numeric(1,2,3)"}) {
    EXPECT_EQ(type_of_name(name).error().code(), Code::UndefinedObject) << name;
  }
}

TEST(DataType, prints_a_name_that_finds_it_again) {
  for (uint32_t kind = 0; kind < 300; ++kind) {
    if (!is_type_kind(kind)) continue;
    const DataType type(static_cast<TypeKind>(kind));
    EXPECT_EQ(type_of_name(type.to_string()).value(), type);
    EXPECT_NE(postgres_oid(type.kind), 705U);
  }
}

}  // namespace
}  // namespace penstock::data
