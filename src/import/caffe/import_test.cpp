#include "import/caffe/import.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "import/caffe/file_testing.h"
#include "kissa/log.h"

namespace kissa::caffe {
namespace {

const std::string kData =
    "layer { name: 'data' type: 'Input' top: 'data'"
    " input_param { shape { dim: [1, 2, 6, 6] } } }\n";

std::string import_error(const std::string& text, const ImportOptions& options = {}) {
  const TempFile file("net.prototxt", text);
  try {
    import_caffe(file.path(), "", options);
  } catch (const Error& error) {
    return without_path(error.what(), file.path(), "net");
  }
  return "no error";
}

// What the import logs, a line a message.
std::string log_of(const std::string& text, const ImportOptions& options = {}) {
  const TempFile file("net.prototxt", text);
  std::string lines;
  set_log_sink([&](LogLevel, std::string_view line) { lines += std::string(line) + "\n"; });
  import_caffe(file.path(), "", options);
  set_log_sink({});
  return without_path(lines, file.path(), "net");
}

std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.outputs()) names.push_back(graph.value(id).name);
  return names;
}

using Names = std::vector<std::string>;

TEST(CaffeImportTest, MakesANodeALayer) {
  const Graph graph = import_text(
      "name: 'net' input: 'data' input_dim: [2, 3, 8, 8]\n"
      "layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'c'\n"
      "  convolution_param { num_output: 4 kernel_size: 3 } }\n"
      "layer { name: 'prob' type: 'Softmax' bottom: 'c' top: 'p' }\n");
  EXPECT_EQ(graph.name, "net");
  ASSERT_EQ(graph.nodes().size(), 2u);
  EXPECT_EQ(graph.node(0).name, "conv");
  EXPECT_EQ(graph.node(0).layers, Names{"conv"});
  EXPECT_TRUE(graph.node(0).where.ends_with("net.prototxt:2")) << graph.node(0).where;
  EXPECT_EQ(graph.value(graph.node(0).params.at(0)).name, "conv.weight");
  EXPECT_EQ(graph.value(graph.node(0).params.at(1)).name, "conv.bias");
  EXPECT_EQ(graph.value(graph.node(0).params.at(0)).data, nullptr);
  EXPECT_EQ(output_names(graph), Names{"p"});
  EXPECT_EQ(graph.value(graph.outputs().at(0)).shape, Shape({2, 4, 6, 6}));
}

TEST(CaffeImportTest, MakesANewValueInPlace) {
  const Graph graph = import_text(kData +
                                  "layer { name: 'a' type: 'ReLU' bottom: 'data' top: 'data' }\n"
                                  "layer { name: 'b' type: 'TanH' bottom: 'data' top: 'data' }\n"
                                  "layer { name: 'c' type: 'Sigmoid' bottom: 'data' top: 'c' }\n");
  EXPECT_EQ(graph.node(1).inputs, graph.node(0).outputs);
  EXPECT_EQ(graph.node(2).inputs, graph.node(1).outputs);
  EXPECT_EQ(graph.value(graph.node(1).outputs.at(0)).name, "data");
  EXPECT_EQ(output_names(graph), Names{"c"});
}

TEST(CaffeImportTest, OutputsAreTheUnreadBlobsByName) {
  const Graph graph =
      import_text(kData +
                  "layer { name: 'z' type: 'ReLU' bottom: 'data' top: 'z' }\n"
                  "layer { name: 'b' type: 'TanH' bottom: 'data' top: 'b' }\n"
                  "layer { name: 'b2' type: 'ReLU' bottom: 'b' top: 'b' }\n"
                  "layer { name: 'm' type: 'ReLU' bottom: 'z' top: 'm' }\n"
                  "layer { name: 's' type: 'Split' bottom: 'data' top: 'a' top: 'silent' }\n"
                  "layer { name: 'q' type: 'Silence' bottom: 'silent' }\n");
  EXPECT_EQ(output_names(graph), (Names{"a", "b", "m"}));
  // b: what its in-place layer made of it.
  EXPECT_EQ(graph.node(graph.value(graph.outputs().at(1)).producer).name, "b2");
}

TEST(CaffeImportTest, UserShapesGoBeforeTheFiles) {
  ImportOptions options;
  options.input_shapes = {{"data", Shape({4, 2, 3, 3})}};
  const std::string relu = "layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'y' }";
  EXPECT_EQ(import_text(kData + relu, options).value(0).shape, Shape({4, 2, 3, 3}));
  EXPECT_EQ(import_text("input: 'data' " + relu, options).value(0).shape, Shape({4, 2, 3, 3}));
  EXPECT_EQ(import_error("input: 'data' " + relu),
            "net:1: layer 'input' (Input): the file gives no shape for input 'data'; pass one, as "
            "in --shape data:1x3x224x224");
  options.input_shapes = {{"dat", Shape({1})}};
  EXPECT_EQ(import_error(kData + relu, options), "'dat' is no input of net; its inputs are: data");
}

TEST(CaffeImportTest, FollowsRules) {
  const std::string text =
      kData +
      "layer { name: 'a' type: 'ReLU' bottom: 'data' top: 'o' include { stage: 'deploy' } }\n"
      "layer { name: 'b' type: 'TanH' bottom: 'data' top: 'o' include { not_stage: 'deploy'\n"
      "  phase: TEST } }\n"
      "layer { name: 'c' type: 'TanH' bottom: 'data' top: 'l' include { min_level: 2 } }\n";
  EXPECT_EQ(import_text(text).node(0).name, "b");
  ImportOptions options;
  options.stages = {"deploy"};
  EXPECT_EQ(import_text(text, options).node(0).name, "a");
  options.level = 2;
  EXPECT_EQ(output_names(import_text(text, options)), (Names{"l", "o"}));
  // A stage that the file itself names.
  EXPECT_EQ(import_text("state { stage: 'deploy' }" + text).node(0).name, "a");
}

TEST(CaffeImportTest, NamesThePlaceOfErrors) {
  EXPECT_TRUE(import_error(kData + "layer { name: 'x' type: 'Poling' bottom: 'data' top: 'x' }")
                  .starts_with("net:2: layer 'x' (Poling): unknown layer type; the nearest known "
                               "ones are Pooling, "));
  EXPECT_EQ(
      import_error(kData + "layer { name: 'x' type: 'ROIAlign' bottom: 'data' top: 'x' }"),
      "net:2: layer 'x' (ROIAlign): Kissa does not have this layer type; a plugin may bring it "
      "(--plugin)");
  EXPECT_EQ(import_error(kData + "layer { name: 'x' bottom: 'data' top: 'x' }"),
            "net:2: layer 'x' (): has no type");
  EXPECT_EQ(import_error(kData + "layer { name: 'x' type: 'Softmax' bottom: 'data' top: 'x'\n"
                                 "  softmax_param { axis: 4 } }"),
            "net:2: layer 'x' (Softmax): axis 4 is out of range for shape 1x2x6x6 of 4 axes");
  EXPECT_EQ(import_error(""), "net: defines no layers");
  EXPECT_EQ(import_error("input: 'data' input_dim: [1048576, 1048576, 1, 1]"),
            "net:1: layer 'input' (Input): shape 1048576x1048576x1x1 has more than 2^36 elements");
  EXPECT_EQ(import_error("input: 'data' input_dim: [0, 3, 8, 8]"),
            "net:1: layer 'input' (Input): input 'data' of shape 0x3x8x8 has no elements");
  EXPECT_EQ(import_error("input: 'data' input_dim: [-1, 3, 8, 8]"),
            "net:1: layer 'input' (Input): shape -1x3x8x8 has a negative extent");
}

TEST(CaffeImportTest, ExplainsUnknownBottoms) {
  EXPECT_EQ(import_error(kData + "layer { name: 'x' type: 'ReLU' bottom: 'dat' top: 'x' }"),
            "net:2: layer 'x' (ReLU): bottom 'dat' is no blob of the layers before; did you mean "
            "'data'?");
  EXPECT_EQ(import_error(kData + "layer { name: 'x' type: 'ReLU' bottom: 'y' top: 'x' }\n"
                                 "layer { name: 'z' type: 'ReLU' bottom: 'x' top: 'y' }"),
            "net:2: layer 'x' (ReLU): bottom 'y' is no blob of the layers before: net:3: layer 'z' "
            "(ReLU) makes it, too late: a cycle, or layers in the wrong order");
  EXPECT_EQ(import_error(kData + "layer { name: 'x' type: 'ReLU' bottom: 'x' top: 'x' }"),
            "net:2: layer 'x' (ReLU): bottom 'x' is no blob of the layers before: net:2: layer 'x' "
            "(ReLU) makes it, too late: a cycle, or layers in the wrong order");
  EXPECT_EQ(import_error("layer { name: 'd' type: 'Data' top: 'd' include { phase: TRAIN } }\n"
                         "layer { name: 'x' type: 'ReLU' bottom: 'd' top: 'x' }"),
            "net:2: layer 'x' (ReLU): bottom 'd' is no blob of the layers before: net:1: layer 'd' "
            "(Data) makes it, which the network leaves out in this phase and stage");
}

TEST(CaffeImportTest, RefusesDuplicateTops) {
  const std::string relu = "layer { name: 'a' type: 'ReLU' bottom: 'data' top: 'y' }\n";
  EXPECT_EQ(import_error(kData + relu + "layer { name: 'b' type: 'ReLU' bottom: 'data' top: 'y' }"),
            "net:3: layer 'b' (ReLU): duplicate top 'y': a layer before makes it, and this one "
            "does not work in place");
  EXPECT_NE(
      import_error(kData + "layer { name: 's' type: 'Split' bottom: 'data' top: 'y' top: 'y' }"),
      "no error");
}

TEST(CaffeImportTest, ChecksCountsOfBottomsAndTops) {
  EXPECT_EQ(import_error(kData + "layer { name: 'x' type: 'Eltwise' bottom: 'data' top: 'x' }"),
            "net:2: layer 'x' (Eltwise): takes 2 or more bottoms, not 1");
  EXPECT_EQ(
      import_error(kData + "layer { name: 'x' type: 'ReLU' bottom: 'data' top: 'x' top: 'y' }"),
      "net:2: layer 'x' (ReLU): gives 1 top, not 2");
  EXPECT_EQ(import_error(kData + "layer { name: 'x' type: 'Pooling' bottom: 'data'\n"
                                 "  pooling_param { kernel_size: 2 } }"),
            "net:2: layer 'x' (Pooling): gives 1 to 2 tops, not 0");
}

TEST(CaffeImportTest, TurnsTrainingDataIntoInputs) {
  const std::string text =
      "layer { name: 'd' type: 'Data' top: 'data' top: 'label' data_param { batch_size: 5 }\n"
      "  transform_param { crop_size: 7 } }\n"
      "layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip'\n"
      "  inner_product_param { num_output: 2 } }\n"
      "layer { name: 'acc' type: 'Accuracy' bottom: 'ip' bottom: 'label' top: 'acc' }\n"
      "layer { name: 'print' type: 'ReLU' bottom: 'acc' top: 'print' }\n"
      "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' }\n";
  const Graph graph = import_text(text);
  EXPECT_EQ(graph.value(graph.inputs().at(0)).shape, Shape({5, 3, 7, 7}));
  EXPECT_EQ(output_names(graph), Names{"ip"});
  EXPECT_EQ(log_of(text),
            "net:1: layer 'd' (Data): 'label' is left out: labels are for training\n"
            "net:5: layer 'acc' (Accuracy): left out, because it reads 'label': labels are for "
            "training\n"
            "net:6: layer 'print' (ReLU): left out, because it reads 'acc': made by layer 'acc', "
            "which is left out\n"
            "net:7: layer 'loss' (SoftmaxWithLoss): left out, because it reads 'label': labels are "
            "for training\n");
  ImportOptions options;
  options.input_shapes = {{"label", Shape({5})}};
  EXPECT_EQ(output_names(import_text(text, options)), Names{"print"});
}

TEST(CaffeImportTest, KnowsTheSizesOfDataLayers) {
  const auto shape_of = [](const std::string& layer) {
    return import_text("layer { name: 'd' top: 'a' top: 'b' " + layer + " }").value(0).shape;
  };
  EXPECT_EQ(shape_of("type: 'Data' data_param { batch_size: 2 } transform_param { crop_size: 4\n"
                     "  force_gray: true }"),
            Shape({2, 1, 4, 4}));
  EXPECT_EQ(shape_of("type: 'MemoryData' memory_data_param { batch_size: 2 channels: 3 height: 4\n"
                     "  width: 5 }"),
            Shape({2, 3, 4, 5}));
  EXPECT_EQ(shape_of("type: 'ImageData' image_data_param { batch_size: 2 new_height: 4\n"
                     "  new_width: 5 is_color: false }"),
            Shape({2, 1, 4, 5}));
  EXPECT_EQ(shape_of("type: 'WindowData' window_data_param { batch_size: 2 } transform_param {\n"
                     "  crop_size: 4 }"),
            Shape({2, 3, 4, 4}));
  EXPECT_EQ(import_error("layer { name: 'd' type: 'HDF5Data' top: 'a' }"),
            "net:1: layer 'd' (HDF5Data): the file gives no shape for input 'a'; pass one, as in "
            "--shape a:1x3x224x224");
}

TEST(CaffeImportTest, TakesDummyDataAsInputOrConstant) {
  const std::string dummy =
      "layer { name: 'k' type: 'DummyData' top: 'k' top: 'unread' dummy_data_param {\n"
      "  shape { dim: [1, 2, 6, 6] } data_filler { value: 2.5 } } }\n";
  const Graph alone = import_text(dummy + "layer { name: 'r' type: 'ReLU' bottom: 'k' top: 'y' }");
  EXPECT_EQ(alone.inputs().size(), 1u);
  EXPECT_EQ(output_names(alone), Names{"y"});
  const Graph beside = import_text(
      kData + dummy + "layer { name: 'e' type: 'Eltwise' bottom: 'data' bottom: 'k' top: 'y' }");
  EXPECT_EQ(beside.inputs().size(), 1u);
  const Value& constant = beside.value(beside.node(0).inputs.at(1));
  EXPECT_TRUE(constant.is_constant);
  EXPECT_EQ(constant.data.get()[71], 2.5f);
  EXPECT_EQ(output_names(beside), Names{"y"});
}

TEST(CaffeImportTest, ReadsAllFormatsAlike) {
  const std::string v0 =
      "input: 'data' input_dim: [1, 3, 8, 8]\n"
      "layers { layer { name: 'p' type: 'padding' pad: 1 } bottom: 'data' top: 'padded' }\n"
      "layers { layer { name: 'c' type: 'conv' num_output: 4 kernelsize: 3 } bottom: 'padded'\n"
      "  top: 'c' }\n"
      "layers { layer { name: 'r' type: 'relu' } bottom: 'c' top: 'c' }";
  const std::string v1 =
      "input: 'data' input_dim: [1, 3, 8, 8]\n"
      "layers { name: 'c' type: CONVOLUTION bottom: 'data' top: 'c'\n"
      "  convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }\n"
      "layers { name: 'r' type: RELU bottom: 'c' top: 'c' }";
  const std::string v2 =
      "layer { name: 'input' type: 'Input' top: 'data' input_param {\n"
      "  shape { dim: [1, 3, 8, 8] } } }\n"
      "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c'\n"
      "  convolution_param { num_output: 4 kernel_size: 3 pad_h: 1 pad_w: 1 } }\n"
      "layer { name: 'r' type: 'ReLU' bottom: 'c' top: 'c' }";
  const std::string expected = import_text(v2).to_text();
  EXPECT_EQ(import_text(v0).to_text(), expected);
  EXPECT_EQ(import_text(v1).to_text(), expected);
}

TEST(CaffeImportTest, NamesMissingFiles) {
  EXPECT_THROW(import_caffe("/no/such.prototxt", "", {}), Error);
  const TempFile file("net.prototxt", kData);
  EXPECT_THROW(import_caffe(file.path(), "/no/such.caffemodel", {}), Error);
}

}  // namespace
}  // namespace kissa::caffe
