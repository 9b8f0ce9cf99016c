#include "ops/custom.h"

#include <stdexcept>

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// y = x + weight, for one axis.
struct Shift final : plugin::Layer {
  std::vector<plugin::Dims> outputs(const std::vector<plugin::Dims>& inputs) const override {
    if (inputs[0].size() != 1) throw std::runtime_error("takes one axis");
    return inputs;
  }
  std::vector<plugin::Param> params(const std::vector<plugin::Dims>& inputs) const override {
    return {{"weight", inputs[0]}};
  }
  plugin::Work work(const std::vector<plugin::Dims>& inputs,
                    const std::vector<plugin::Dims>&) const override {
    return {0, inputs[0][0]};
  }
  void run(std::span<const plugin::Input> inputs, std::span<const plugin::Input> params,
           std::span<const plugin::Output> outputs) const override {
    for (std::int64_t i = 0; i < inputs[0].dims[0]; ++i)
      outputs[0].data[i] = inputs[0].data[i] + params[0].data[i];
  }
  std::string describe() const override { return "by weight"; }
};

const plugin::LayerType kTypes[] = {
    {"TestShift", "shift_param", [](const plugin::Parameters&) -> std::unique_ptr<plugin::Layer> {
       return std::make_unique<Shift>();
     }}};
const plugin::Library kLibrary = {plugin::kVersion, kTypes, 1};

Custom shift() {
  add_custom_types(kLibrary, "test");
  Custom op;
  op.type = "TestShift";
  return op;
}

TEST(CustomTest, RunsAPluginsLayer) {
  const Custom op = shift();
  EXPECT_THAT(evaluate(op, {counting({2})}, {{{2}, {10, 20}}}), ElementsAre(11, 22));
  EXPECT_EQ(arithmetic_of(op, {{5}}), (Arithmetic{0, 5}));
  EXPECT_EQ(describe(op), "TestShift: by weight");
  EXPECT_THAT(refusal(op, {{2, 2}}), HasSubstr("takes one axis"));
  EXPECT_THAT(refusal(op, {{2}, {2}}), HasSubstr("takes 1 input"));
}

TEST(CustomTest, NeedsThePlugin) {
  Custom op;
  op.type = "NoSuchType";
  try {
    infer(op, {{2}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("--plugin"));
  }
}

TEST(CustomTest, RefusesOtherVersionsAndSecondNames) {
  shift();
  EXPECT_THROW(add_custom_types({plugin::kVersion + 1, kTypes, 1}, "test"), Error);
  const plugin::LayerType twin = kTypes[0];
  EXPECT_THROW(add_custom_types({plugin::kVersion, &twin, 1}, "test"), Error);
}

TEST(ParametersTest, ReadsTheTextOfAMessage) {
  const auto parameters = parse_parameters(
      "a: 1.5 # a comment\n name: \"x\\\"y\" list: [1, 2] list: 3 inner { b: true } flag: false");
  EXPECT_EQ(parameters.number("a", 0), 1.5);
  EXPECT_EQ(parameters.number("none", 7), 7);
  EXPECT_EQ(parameters.text("name"), "x\"y");
  EXPECT_THAT(parameters.all("list"), ElementsAre("1", "2", "3"));
  EXPECT_TRUE(parameters.flag("inner.b", false));
  EXPECT_FALSE(parameters.flag("flag", true));
  EXPECT_EQ(parameters.fields().size(), 7u);
}

TEST(ParametersTest, RefusesWhatIsNoList) {
  for (const char* text : {"a", "a:", "a: [1", "{", "a { b: 1", "a: 'x"})
    EXPECT_THROW(parse_parameters(text), Error) << text;
  EXPECT_THROW(parse_parameters(std::string(1000, 'a') + std::string(100, '{')), Error);
}

}  // namespace
}  // namespace kissa
