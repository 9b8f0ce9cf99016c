#include "import/caffe/upgrade.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace kissa::caffe {
namespace {

NetworkFile upgraded(const std::string& text) {
  NetworkFile file = parse_network(text, "net.prototxt");
  upgrade(file);
  EXPECT_EQ(file.net.layer_size(), static_cast<int>(file.lines.size()));
  return file;
}

// Whether the upgrade of `old` is `expected`; prints both where it is not.
void expect_upgrade(const std::string& old, const std::string& expected) {
  const NetworkFile file = upgraded(old);
  NetParameter net;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(expected, &net));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(file.net, net))
      << file.net.DebugString() << "\nexpected:\n"
      << net.DebugString();
}

std::string upgrade_error(const std::string& text) {
  try {
    upgraded(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(CaffeUpgradeTest, LeavesTodaysFormatAlone) {
  const std::string text = "name: 'n' layer { name: 'a' type: 'ReLU' bottom: 'x' top: 'y' }";
  expect_upgrade(text, text);
}

TEST(CaffeUpgradeTest, BringsV1ToV2) {
  expect_upgrade(
      "name: 'n' layers { name: 'c' type: CONVOLUTION bottom: 'x' top: 'y' param: 'w' param: ''\n"
      "  blob_share_mode: PERMISSIVE blobs_lr: 1 blobs_lr: 2 weight_decay: 1 weight_decay: 0\n"
      "  include { phase: TEST } loss_weight: 0.5 convolution_param { num_output: 2 pad: 1 } }",
      "name: 'n' layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'y'\n"
      "  param { name: 'w' share_mode: PERMISSIVE lr_mult: 1 decay_mult: 1 }\n"
      "  param { name: '' lr_mult: 2 decay_mult: 0 }\n"
      "  include { phase: TEST } loss_weight: 0.5 convolution_param { num_output: 2 pad: 1 } }");
  expect_upgrade("layers { name: 'l' type: SOFTMAX_LOSS bottom: 'a' bottom: 'b' }",
                 "layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'a' bottom: 'b' }");
}

TEST(CaffeUpgradeTest, KnowsEveryV1Type) {
  const auto* types = V1LayerParameter::LayerType_descriptor();
  for (int i = 0; i < types->value_count(); ++i) {
    const std::string name = types->value(i)->name();
    const NetworkFile file = upgraded("layers { name: 'x' type: " + name + " }");
    EXPECT_EQ(file.net.layer(0).type().empty(), name == "NONE") << name;
  }
}

TEST(CaffeUpgradeTest, MovesTransformationsOfDataLayers) {
  expect_upgrade(
      "layers { name: 'd' type: IMAGE_DATA top: 'd' image_data_param { source: 's' scale: 2\n"
      "  mean_file: 'm' crop_size: 3 mirror: true batch_size: 4 } }",
      "layer { name: 'd' type: 'ImageData' top: 'd' image_data_param { source: 's' batch_size: 4 "
      "}\n"
      "  transform_param { scale: 2 mean_file: 'm' crop_size: 3 mirror: true } }");
}

TEST(CaffeUpgradeTest, BringsV0ToV2) {
  expect_upgrade(
      "layers { layer { name: 'c' type: 'conv' num_output: 6 biasterm: false kernelsize: 3\n"
      "  group: 2 stride: 2 pad: 1 weight_filler { type: 'gaussian' } blobs_lr: 1\n"
      "  weight_decay: 0 } bottom: 'x' top: 'y' }\n"
      "layers { layer { name: 'p' type: 'pool' pool: AVE kernelsize: 3 stride: 2 } }\n"
      "layers { layer { name: 'i' type: 'innerproduct' num_output: 7 biasterm: true } }\n"
      "layers { layer { name: 'n' type: 'lrn' local_size: 3 alpha: 2 beta: 0.5 } }\n"
      "layers { layer { name: 'o' type: 'dropout' dropout_ratio: 0.1 } }\n"
      "layers { layer { name: 'k' type: 'concat' concat_dim: 0 } }\n"
      "layers { layer { name: 'd' type: 'data' source: 's' meanfile: 'm' batchsize: 5\n"
      "  cropsize: 6 mirror: true scale: 0.5 rand_skip: 7 } }",
      "layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'y' param { lr_mult: 1\n"
      "  decay_mult: 0 } convolution_param { num_output: 6 bias_term: false kernel_size: 3\n"
      "  group: 2 stride: 2 pad: 1 weight_filler { type: 'gaussian' } } }\n"
      "layer { name: 'p' type: 'Pooling' pooling_param { pool: AVE kernel_size: 3 stride: 2 } }\n"
      "layer { name: 'i' type: 'InnerProduct' inner_product_param { num_output: 7\n"
      "  bias_term: true } }\n"
      "layer { name: 'n' type: 'LRN' lrn_param { local_size: 3 alpha: 2 beta: 0.5 } }\n"
      "layer { name: 'o' type: 'Dropout' dropout_param { dropout_ratio: 0.1 } }\n"
      "layer { name: 'k' type: 'Concat' concat_param { concat_dim: 0 } }\n"
      "layer { name: 'd' type: 'Data' data_param { source: 's' batch_size: 5 rand_skip: 7 }\n"
      "  transform_param { mean_file: 'm' crop_size: 6 mirror: true scale: 0.5 } }");
}

TEST(CaffeUpgradeTest, DropsWhatAV0TypeDoesNotKnow) {
  expect_upgrade("layers { layer { name: 'r' type: 'relu' num_output: 3 } }",
                 "layer { name: 'r' type: 'ReLU' }");
  EXPECT_EQ(upgrade_error("layers { layer { name: 'r' type: 'rleu' } }"),
            "net.prototxt:1: layer 'r': unknown V0 layer type 'rleu'");
}

TEST(CaffeUpgradeTest, MergesPaddingIntoItsReader) {
  const std::string text =
      "layers { layer { name: 'p' type: 'padding' pad: 2 } bottom: 'x' top: 'padded' }\n"
      "layers { layer { name: 'c' type: 'conv' kernelsize: 3 } bottom: 'padded' top: 'y' }\n";
  expect_upgrade(text,
                 "layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'y'\n"
                 "  convolution_param { kernel_size: 3 pad: 2 } }");
  EXPECT_EQ(upgraded(text).lines, std::vector<int>{2});
  EXPECT_EQ(upgrade_error("layers { layer { name: 'p' type: 'padding' } bottom: 'x' top: 'x2' }\n"
                          "layers { layer { name: 'r' type: 'relu' } bottom: 'x2' top: 'y' }"),
            "net.prototxt:2: layer 'r': reads padding layer 'p', which only a convolution or "
            "pooling of one bottom can do");
}

TEST(CaffeUpgradeTest, TurnsInputFieldsIntoALayer) {
  const std::string text =
      "layer { name: 'r' type: 'ReLU' bottom: 'a' top: 'y' }\n"
      "input: 'a' input: 'b' input_dim: [1, 2, 3, 4, 5, 6, 7, 8]";
  expect_upgrade(text,
                 "layer { name: 'input' type: 'Input' top: 'a' top: 'b' input_param {\n"
                 "  shape { dim: [1, 2, 3, 4] } shape { dim: [5, 6, 7, 8] } } }\n"
                 "layer { name: 'r' type: 'ReLU' bottom: 'a' top: 'y' }");
  EXPECT_EQ(upgraded(text).lines, (std::vector<int>{2, 1}));
  expect_upgrade("input: 'a' input_shape { dim: [1, 2] } input_dim: 9",
                 "layer { name: 'input' type: 'Input' top: 'a' input_param {\n"
                 "  shape { dim: [1, 2] } } }");
  expect_upgrade("input: 'a'", "layer { name: 'input' type: 'Input' top: 'a' input_param {} }");
  EXPECT_EQ(upgrade_error("\ninput: 'a' input_dim: 1"),
            "net.prototxt:2: has 1 input_dim for 1 input; each input takes four");
  EXPECT_EQ(upgrade_error("input: 'a' input: 'b' input_shape { dim: 1 }"),
            "net.prototxt:1: has 1 input_shape for 2 input");
}

TEST(CaffeUpgradeTest, RefusesMixedFormats) {
  EXPECT_EQ(upgrade_error("layer { name: 'a' } layers { name: 'b' }"),
            "net.prototxt: has both 'layer' and 'layers' fields; a file is in one format or the "
            "other");
}

}  // namespace
}  // namespace kissa::caffe
