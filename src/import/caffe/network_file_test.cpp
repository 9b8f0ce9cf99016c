#include "import/caffe/network_file.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "import/caffe/file_testing.h"

namespace kissa::caffe {
namespace {

std::string parse_error(const std::string& text) {
  try {
    parse_network(text, "net.prototxt");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(CaffeNetworkFileTest, KnowsWhereLayersBegin) {
  const NetworkFile file = parse_network(
      "# a comment\n"
      "name: 'n'\n"
      "input: 'data' input_dim: [1, 3, 8, 8]\n"
      "layer {\n name: 'a' }  layer { name: 'b' }\n"
      "\n layer: < name: 'c' >\n",
      "dir/net.prototxt");
  EXPECT_EQ(file.lines, (std::vector<int>{4, 5, 7}));
  EXPECT_EQ(file.input_line, 3);
  EXPECT_EQ(file.where(7), "dir/net.prototxt:7");
  EXPECT_EQ(parse_network("\nlayers { name: 'a' }", "f").lines, std::vector<int>{2});
}

TEST(CaffeNetworkFileTest, NamesLineAndColumnOfSyntaxErrors) {
  EXPECT_EQ(parse_error("layer {\n  name: 'x'\n"),
            "net.prototxt:3:1: Expected identifier, got: the end of the file");
  EXPECT_EQ(parse_error("layer { pooling_param { kernel_size: '2' } }"),
            "net.prototxt:1:38: Expected integer, got: '2'");
  EXPECT_EQ(parse_error("layer {} }"), "net.prototxt:1:10: Expected identifier, got: }");
  EXPECT_EQ(parse_error("name: 'a'\nname: 'b'"),
            "net.prototxt:2:5: Non-repeated field \"name\" is specified multiple times.");
  EXPECT_EQ(parse_error(std::string("\x0a\x05", 2)).substr(0, 17), "net.prototxt:2:1:");
}

TEST(CaffeNetworkFileTest, SuggestsNames) {
  EXPECT_EQ(parse_error("layer { nmae: 'x' }"),
            "net.prototxt:1:13: LayerParameter has no field 'nmae'; did you mean 'name'?");
  EXPECT_EQ(parse_error("layer { type: 'ReLU' frobnicate: 3 }"),
            "net.prototxt:1:32: LayerParameter has no field 'frobnicate'");
  EXPECT_EQ(parse_error("layer { type: 'Pooling' polling_param {} }"),
            "net.prototxt:1:39: LayerParameter has no field 'polling_param'; did you mean "
            "'pooling_param'?");
  EXPECT_EQ(parse_error("layer { pooling_param { pool: MAXX } }"),
            "net.prototxt:1:36: unknown value 'MAXX' for 'pool'; did you mean 'MAX'?");
  EXPECT_EQ(parse_error("layers { type: CONVOLUTON }"),
            "net.prototxt:1:27: unknown value 'CONVOLUTON' for 'type'; did you mean "
            "'CONVOLUTION'?");
}

TEST(CaffeNetworkFileTest, BlamesTheTypeForFieldsOfForks) {
  EXPECT_EQ(
      parse_error("layer { name: 'a' type: 'ReLU' }\n"
                  "layer { name: 'p' type: 'ROIAlign'\n roi_align_param { pooled: 2 } }\n"
                  "layer { name: 'b' type: 'ReLU' }\n"),
      "net.prototxt:2: layer 'p' (ROIAlign): Kissa does not have this layer type; a plugin may "
      "bring it (--plugin)");
  EXPECT_EQ(parse_error("layer { name: 'p' type: 'Premute' premute_param { order: 0 } }"),
            "net.prototxt:1: layer 'p' (Premute): unknown layer type; the nearest known ones are "
            "Permute, PReLU, Parameter");
}

TEST(CaffeNetworkFileTest, AcceptsTheTextFormatsFreedoms) {
  const NetworkFile file = parse_network(
      "layer { name: \"c\" 'onv' type: 'Convolution' bottom: \"data\", top: \"c\\157ut\";\n"
      " convolution_param < num_output: 0x4, kernel_size: [3, 3]; pad: 01\n"
      "   weight_filler { std: .01 } > relu_param: { negative_slope: 1.f engine: 1 } } # end",
      "f");
  const LayerParameter& layer = file.net.layer(0);
  EXPECT_EQ(layer.name(), "conv");
  EXPECT_EQ(layer.top(0), "cout");
  EXPECT_EQ(layer.convolution_param().num_output(), 4u);
  EXPECT_EQ(layer.convolution_param().kernel_size_size(), 2);
  EXPECT_EQ(layer.relu_param().engine(), CAFFE);
}

TEST(CaffeNetworkFileTest, RefusesFilesThatAreNotThereOrTooLarge) {
  EXPECT_THROW(read_text("/no/such/file"), Error);
  EXPECT_THROW(read_text("/"), Error);
  const TempFile huge("net.prototxt", std::string((std::size_t{64} << 20) + 1, ' '));
  EXPECT_THROW(read_text(huge.path()), Error);
}

TEST(CaffeNetworkFileTest, SurvivesDamageAnywhere) {
  const std::string good =
      "name: 'n' input: 'data' input_dim: [1, 3, 8, 8]\n"
      "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' param { lr_mult: 1 }\n"
      "  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: 'xavier' } } }";
  std::mt19937 random(2);
  for (int i = 0; i < 2000; ++i) {
    std::string bad = good;
    for (int edits = 0; edits < 3; ++edits)
      bad[random() % bad.size()] = "{}<>[]:'\"#;,-0a \n\\"[random() % 18];
    try {
      parse_network(bad, "f");
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what() << "\n" << bad;
    }
  }
}

}  // namespace
}  // namespace kissa::caffe
