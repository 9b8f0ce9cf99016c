#include "options.h"

#include <gtest/gtest.h>

namespace kissa::tools {
namespace {

TEST(OptionsTest, ParsesShapes) {
  EXPECT_EQ(parse_shape("data:1x3x300x300"),
            std::make_pair(std::string("data"), Dims{1, 3, 300, 300}));
  EXPECT_EQ(parse_shape("a:b:7"), std::make_pair(std::string("a:b"), Dims{7}));
}

TEST(OptionsTest, RefusesWhatIsNoShape) {
  for (const char* text : {"", "data", ":1x3", "data:", "data:1x", "data:x1", "data:0x3", "data:-1",
                           "data:1x3x", "data:1 x3", "data:99999999999999999999"})
    EXPECT_THROW(parse_shape(text), Error) << text;
}

TEST(OptionsTest, PrintsShapes) {
  EXPECT_EQ(to_string(Dims{2, 3}), "2x3");
  EXPECT_EQ(to_string(Dims{}), "scalar");
}

}  // namespace
}  // namespace kissa::tools
