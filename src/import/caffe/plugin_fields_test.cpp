#include "import/caffe/plugin_fields.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "import/caffe/file_testing.h"
#include "import/caffe/import.h"
#include "ops/custom.h"

namespace kissa::caffe {
namespace {

// Gives the sum of `term` fields as every element.
struct FieldSum final : plugin::Layer {
  explicit FieldSum(const plugin::Parameters& parameters) {
    for (const std::string& term : parameters.all("term")) sum += std::stof(term);
  }
  std::vector<plugin::Dims> outputs(const std::vector<plugin::Dims>& inputs) const override {
    return inputs;
  }
  void run(std::span<const plugin::Input>, std::span<const plugin::Input>,
           std::span<const plugin::Output> outputs) const override {
    outputs[0].data[0] = sum;
  }
  float sum = 0.0f;
};

void add_plugin() {
  static const plugin::LayerType kTypes[] = {
      {"FieldSum", "field_sum_param",
       [](const plugin::Parameters& parameters) -> std::unique_ptr<plugin::Layer> {
         return std::make_unique<FieldSum>(parameters);
       }}};
  static const plugin::Library kLibrary = {plugin::kVersion, kTypes, 1};
  add_custom_types(kLibrary, "test");
}

TEST(CaffePluginFieldsTest, LeavesOtherTextsAlone) {
  const std::string text = "layer { type: 'save_output_param' # save_output_param { \n x: \"a{\" }";
  EXPECT_EQ(hide_unknown_fields(text), text);
  EXPECT_EQ(hide_unknown_fields("save_output_param: 3"), "save_output_param: 3");
  EXPECT_EQ(hide_unknown_fields("save_output_param { a: 1"), "save_output_param { a: 1");
}

TEST(CaffePluginFieldsTest, HidesWhatTrainingReads) {
  EXPECT_EQ(hide_unknown_fields("a: 1 save_output_param { b { c: '}' }\n } d: 2\n"),
            "a: 1 \n d: 2\n");
  EXPECT_EQ(hide_unknown_fields("quantization_param: < b: 1\n\n >d"), "\n\nd");
}

TEST(CaffePluginFieldsTest, KeepsAPluginsFieldAsText) {
  add_plugin();
  EXPECT_EQ(hide_unknown_fields("field_sum_param { a: \"x\"\n }e"),
            "custom_param: \" a: \\\"x\\\"\\n \"\ne");
}

TEST(CaffePluginFieldsTest, APluginsLayerIsImported) {
  add_plugin();
  const TempFile file("net.prototxt",
                      "input: 'data' input_shape { dim: 1 }\n"
                      "layer { name: 's' type: 'FieldSum' bottom: 'data' top: 's'\n"
                      "  field_sum_param { term: 2 # two\n term: 0.5 } }\n"
                      "layer { name: 'bad' type: 'Softmax' bottom: 's' top: 'y'\n"
                      "  softmax_param { axis: 0 } }");
  const Graph graph = import_caffe(file.path(), "", {});
  const auto& op = std::get<Custom>(graph.node(0).op);
  EXPECT_EQ(op.type, "FieldSum");
  EXPECT_EQ(op.inputs, 1);
  EXPECT_EQ(parse_parameters(op.parameters).all("term"), (std::vector<std::string>{"2", "0.5"}));
  EXPECT_TRUE(graph.node(1).where.ends_with(":5"));
}

}  // namespace
}  // namespace kissa::caffe
