// Every convolution tactic of fused mode, with every table of kernels that this machine runs,
// against the reference: inputs and outputs that are slices of larger tensors, memory around them
// that must stay as it was, workspace full of NaN.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "backends/cpu/cpu.h"
#include "backends/cpu/memory_testing.h"
#include "backends/cpu/tactics.h"
#include "cases.h"

namespace kissa::cpu {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Floats random_floats(std::int64_t count, std::mt19937& random) {
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  Floats values(static_cast<std::size_t>(count));
  for (float& value : values) value = uniform(random);
  return values;
}

// What follows the sums of a convolution: an epilogue, and perhaps a PReLU.
struct Ending {
  Epilogue epilogue = {};
  enum class Prelu { kNone, kOfEachChannel, kShared } prelu = Prelu::kNone;

  bool has_prelu() const { return prelu != Prelu::kNone; }
  std::string describe() const { return epilogue.describe() + (has_prelu() ? ", prelu" : ""); }
};

// Convolutions that read one value, each with its ending, and what they should give.
struct Problem {
  std::string name;
  Shape in;
  std::vector<Convolution> convs;
  Ending ending;
  Floats x;
  std::vector<Floats> weights, biases, residuals, slopes;  // one a convolution; some are not read
  std::vector<Shape> out;
  std::vector<Floats> expected;
  double largest = 0.0;  // of the sums, before any clip: what errors are measured by
};

Problem make_problem(std::string name, const Shape& in, std::vector<Convolution> convs,
                     const Ending& ending = {}) {
  std::mt19937 random(7);
  Problem p{.name = std::move(name),
            .in = in,
            .convs = std::move(convs),
            .ending = ending,
            .x = random_floats(in.elements(), random),
            .weights = {},
            .biases = {},
            .residuals = {},
            .slopes = {},
            .out = {},
            .expected = {},
            .largest = 0.0};
  for (const Convolution& conv : p.convs) {
    const auto params = conv.params({in});
    p.out.push_back(conv.infer({in})[0]);
    p.weights.push_back(random_floats(params[0].shape.elements(), random));
    p.biases.push_back(random_floats(conv.num_output, random));
    p.residuals.push_back(random_floats(p.out.back().elements(), random));
    p.expected.emplace_back(static_cast<std::size_t>(p.out.back().elements()));
    std::vector<ConstTensor> x = {{p.x.data(), in}, {p.weights.back().data(), params[0].shape}};
    if (conv.has_bias) x.push_back({p.biases.back().data(), params[1].shape});
    const Tensor y{p.expected.back().data(), p.out.back()};
    conv.reference(x, {&y, 1});
    for (const float value : p.expected.back())
      p.largest = std::max(p.largest, std::abs(double{value}));
    apply(ending.epilogue, p.residuals.back().data(), y.data, y.shape.elements());
    const PRelu prelu{.channel_shared = ending.prelu == Ending::Prelu::kShared};
    const Shape slopes = prelu.params({p.out.back()})[0].shape;
    p.slopes.push_back(random_floats(slopes.elements(), random));
    const ConstTensor sums[] = {{y.data, y.shape}, {p.slopes.back().data(), slopes}};
    if (ending.has_prelu()) prelu.reference(sums, {&y, 1});
  }
  return p;
}

Region region_of(const Problem& p) {
  Region region;
  const auto add = [&](const Shape& shape, const float* constant = nullptr) {
    region.values.push_back({.desc = {.shape = shape}, .constant = constant});
    return static_cast<int>(region.values.size()) - 1;
  };
  const int x = add(p.in);
  region.inputs = {x};
  for (std::size_t i = 0; i < p.convs.size(); ++i) {
    const auto params = p.convs[i].params({p.in});
    Region::Node node{.op = p.convs[i], .epilogue = p.ending.epilogue, .inputs = {x}};
    node.params = {add(params[0].shape, p.weights[i].data())};
    if (p.convs[i].has_bias) node.params.push_back(add(params[1].shape, p.biases[i].data()));
    if (p.ending.epilogue.has_residual) {
      node.inputs.push_back(add(p.out[i]));
      region.inputs.push_back(node.inputs.back());
    }
    node.outputs = {add(p.out[i])};
    region.nodes.push_back(node);
    if (p.ending.has_prelu()) {
      const PRelu prelu{.channel_shared = p.ending.prelu == Ending::Prelu::kShared};
      const int slopes = add(prelu.params({p.out[i]})[0].shape, p.slopes[i].data());
      node = {.op = prelu, .inputs = node.outputs, .params = {slopes}, .outputs = {add(p.out[i])}};
      region.nodes.push_back(node);
    }
    region.outputs.push_back(node.outputs[0]);
  }
  return region;
}

double tolerance_of(std::string_view tactic) {
  if (tactic.find(".bf16.") != std::string_view::npos) return 1e-2;
  if (tactic.find(".f16.") != std::string_view::npos) return 1e-3;
  return tactic.find("winograd") == std::string_view::npos ? 1e-5 : 2e-5;
}

void expect_close(const Floats& got, const Floats& expected, double tolerance) {
  double worst = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(double{got[i]} - double{expected[i]});
    worst = std::isnan(error) ? error : std::max(worst, error);
    if (std::isnan(worst)) break;
  }
  EXPECT_LE(worst, tolerance);
}

// False where the tactic refuses.
bool check(const Tactic& tactic, const Problem& p, Device& device, Stream& stream) {
  Region region = region_of(p);
  if (tactic.refuse(region)) return false;
  SCOPED_TRACE(fmt::format("{} by {} with {} threads", p.name, tactic.name(), device.threads()));

  const Requirements need = tactic.requirements(region);
  std::vector<Memory> inputs, outputs;
  std::vector<void*> in, out;
  for (std::size_t i = 0; i < region.inputs.size(); ++i) {
    TensorDesc& desc = region.values[static_cast<std::size_t>(region.inputs[i])].desc;
    desc.format = need.inputs[i];
    spread_images(desc, 6);
    inputs.emplace_back(desc).fill(i == 0 ? p.x : p.residuals[i - 1]);
  }
  for (std::size_t i = 0; i < region.outputs.size(); ++i) {
    TensorDesc& desc = region.values[static_cast<std::size_t>(region.outputs[i])].desc;
    desc.format = need.outputs[i];
    spread_images(desc, 6);
    outputs.emplace_back(desc).poison();
  }
  for (Memory& memory : inputs) in.push_back(memory.data());
  for (Memory& memory : outputs) out.push_back(memory.data());

  WeightArena arena(device);
  const auto step = tactic.prepare(region, {arena, device.threads()});
  const std::int64_t bytes = step->workspace_bytes();
  const auto workspace = device.allocate(bytes + 64);
  std::memset(workspace->data(), 0xff, static_cast<std::size_t>(bytes + 64));
  step->run({in, out, workspace->data()}, stream);

  for (std::size_t i = 0; i < outputs.size(); ++i) {
    expect_close(outputs[i].read(), p.expected[i], tolerance_of(tactic.name()) * p.largest);
    EXPECT_TRUE(outputs[i].is_intact()) << "output " << i << ": wrote outside";
  }
  const auto* end = static_cast<const unsigned char*>(workspace->data()) + bytes;
  EXPECT_TRUE(std::all_of(end, end + 64, [](unsigned char byte) { return byte == 0xff; }))
      << "wrote behind the workspace";
  return true;
}

// Those with FP32 kernels of the level, and those with BF16 and FP16 kernels of it.
std::vector<const Tactic*> tactics_of(Isa isa) {
  const TacticList fp32 = fused_tactics(isa);
  std::vector<const Tactic*> all(fp32.begin(), fp32.end());
  for (const TacticList list : {fused_bf16_tactics(isa), fused_fp16_tactics(isa)})
    for (const Tactic* tactic : list)
      if (tactic->name().find(".f32.") == std::string_view::npos) all.push_back(tactic);
  return all;
}

enum class Expect { kNothing, kEveryTacticTakesOne };

// Runs all problems by all tactics that take them.
void check_all(const std::vector<Problem>& problems, std::initializer_list<int> threads,
               Expect expect = Expect::kNothing) {
  for (const int count : threads) {
    const auto device = create_device(count);
    const auto stream = device->create_stream();
    for (int level = 0; level <= static_cast<int>(usable_isa()); ++level) {
      for (const Tactic* tactic : tactics_of(static_cast<Isa>(level))) {
        if (tactic->name().find("cpu.conv.") != 0) continue;
        int taken = 0;
        for (const Problem& p : problems) taken += check(*tactic, p, *device, *stream) ? 1 : 0;
        EXPECT_TRUE(taken > 0 || expect == Expect::kNothing) << tactic->name() << " was not tested";
      }
    }
  }
}

Convolution conv2d(std::int64_t outputs, std::int64_t kernel, std::int64_t stride = 1,
                   std::int64_t pad = 0, std::int64_t group = 1, std::int64_t dilation = 1) {
  return {.num_output = outputs,
          .kernel = {kernel, kernel},
          .stride = {stride, stride},
          .pad = {pad, pad},
          .dilation = {dilation, dilation},
          .group = group};
}

std::vector<Problem> problems_of(const std::string& file, std::int64_t batch) {
  std::vector<Problem> problems;
  for (const OpCase& c : read_cases(std::filesystem::path(KISSA_CASES_DIR) / file)) {
    const auto* conv = std::get_if<Convolution>(&c.op);
    if (conv == nullptr) continue;
    const Shape in = batch == 0 ? c.in[0] : c.in[0].with(0, batch);
    problems.push_back(make_problem(fmt::format("{} batch {}", c.name, in[0]), in, {*conv}));
  }
  return problems;
}

// A few of every kind of shape.
std::vector<Problem> small_problems(const Ending& ending) {
  const auto make = [&](const Shape& in, std::vector<Convolution> convs) {
    std::string name = fmt::format("{}, {} ->", ending.describe(), in.to_string());
    for (const Convolution& conv : convs) name += fmt::format(" {}", conv.describe());
    return make_problem(std::move(name), in, std::move(convs), ending);
  };
  return {
      make({2, 40, 5, 7}, {conv2d(70, 1)}),
      make({3, 16, 1, 1}, {conv2d(16, 1)}),
      make({2, 24, 9, 3}, {conv2d(19, 1), conv2d(32, 1), conv2d(5, 1)}),
      make({2, 20, 9, 13}, {conv2d(37, 3, 1, 1)}),
      make({2, 16, 6, 6}, {conv2d(64, 5, 1, 2)}),
      make({2, 32, 9, 8}, {conv2d(48, 3, 2, 1)}),
      make({1, 64, 6, 7}, {conv2d(32, 3, 1, 1, 2)}),
      make({2, 20, 7, 9}, {conv2d(20, 3, 1, 1, 20)}),
      make({2, 3, 23, 21}, {conv2d(24, 7, 2, 3)}),
      make({2, 3, 15, 17}, {conv2d(40, 3, 2, 0)}),
  };
}

TEST(Conv, Cases) { check_all(problems_of("convolution.txt", 0), {1, 2}); }

TEST(Conv, Batches) {
  for (const std::int64_t batch : {3, 16}) check_all(problems_of("convolution.txt", batch), {3});
}

TEST(Conv, GoogLeNet) { check_all(problems_of("googlenet.txt", 0), {2}); }

TEST(Conv, Epilogues) {
  const Epilogue epilogues[] = {
      {.activation = Activation::kRelu},
      {.activation = Activation::kRelu, .low = 0.1f},
      {.activation = Activation::kClip, .low = -0.5f, .high = 1.5f},
      {.has_residual = true},
      {.activation = Activation::kRelu, .has_residual = true},
      {.activation = Activation::kClip, .low = 0.25f, .high = 6.0f, .has_residual = true},
  };
  for (const Epilogue& epilogue : epilogues) check_all(small_problems({epilogue}), {2});
}

TEST(Conv, Prelu) {
  std::vector<Problem> problems = small_problems({.prelu = Ending::Prelu::kOfEachChannel});
  for (const Ending& ending :
       {Ending{.prelu = Ending::Prelu::kShared},
        Ending{.epilogue = {.has_residual = true}, .prelu = Ending::Prelu::kOfEachChannel}})
    for (Problem& problem : small_problems(ending)) problems.push_back(std::move(problem));
  std::erase_if(problems, [](const Problem& p) { return p.convs.size() > 1; });
  problems.push_back(make_problem("prelu, large", {1, 20, 50, 47}, {conv2d(33, 3, 1, 1)},
                                  {.prelu = Ending::Prelu::kOfEachChannel}));
  check_all(problems, {1, 2}, Expect::kEveryTacticTakesOne);
}

TEST(Conv, LeavesAPreluBehindAnActivation) {
  Problem p = make_problem("relu, prelu", {1, 16, 4, 4}, {conv2d(16, 1)},
                           {{.activation = Activation::kRelu}, Ending::Prelu::kShared});
  for (const Tactic* tactic : tactics_of(usable_isa()))
    if (tactic->name().find("cpu.conv.") == 0) {
      EXPECT_TRUE(tactic->refuse(region_of(p))) << tactic->name();
    }
}

TEST(Conv, RandomShapes) {
  std::mt19937 random(11);
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  std::vector<Problem> problems;
  const auto add = [&](const Shape& in, const Convolution& conv) {
    const Epilogue relu{.activation = Activation::kRelu};
    problems.push_back(make_problem(fmt::format("random {} -> {}", in.to_string(), conv.describe()),
                                    in, {conv}, {relu}));
  };
  for (int i = 0; i < 60; ++i) {
    Convolution conv = conv2d(pick(1, 100), pick(1, 3) * 2 - 1, pick(1, 2), pick(0, 3));
    conv.kernel[0] = pick(0, 3) == 0 ? pick(1, 4) : conv.kernel[0];
    conv.has_bias = pick(0, 3) != 0;
    add({pick(1, 3), pick(1, 70), pick(7, 30), pick(7, 30)}, conv);
  }
  for (int i = 0; i < 8; ++i)  // first layers
    add({pick(1, 3), pick(1, 4), pick(8, 50), pick(8, 50)},
        conv2d(pick(1, 70), pick(7, 8), 2, pick(0, 4)));
  for (int i = 0; i < 8; ++i) {  // depthwise
    const std::int64_t channels = pick(1, 50);
    add({pick(1, 3), channels, pick(9, 30), pick(9, 30)},
        conv2d(channels, pick(1, 5), pick(1, 3), pick(0, 3), channels, pick(1, 2)));
  }
  for (int i = 0; i < 8; ++i) {  // groups
    const std::int64_t group = pick(2, 4);
    add({pick(1, 3), group * pick(2, 30), pick(9, 20), pick(9, 20)},
        conv2d(group * pick(1, 30), pick(1, 3), pick(1, 2), pick(0, 2), group));
  }
  add({1, 20, 50, 47}, conv2d(33, 3, 1, 1));
  add({2, 24, 11, 13}, conv2d(40, 1, 1, 0));
  check_all(problems, {1, 2}, Expect::kEveryTacticTakesOne);
}

// A NaN goes through the epilogue, as it does in the reference.
TEST(Conv, NanStays) {
  Problem p = make_problem("nan", {1, 16, 4, 4}, {conv2d(16, 1)},
                           {{.activation = Activation::kClip, .low = -1.0f, .high = 1.0f}});
  p.x[5] = kNan;
  for (int level = 0; level <= static_cast<int>(usable_isa()); ++level) {
    const TacticList list = fused_tactics(static_cast<Isa>(level));
    const auto it = std::find_if(list.begin(), list.end(), [](const Tactic* each) {
      return each->name().find("conv.gemm") != std::string_view::npos;
    });
    ASSERT_NE(it, list.end());
    const Tactic& tactic = **it;
    Region region = region_of(p);
    ASSERT_FALSE(tactic.refuse(region)) << tactic.name();
    const auto device = create_device(1);
    const auto stream = device->create_stream();
    WeightArena arena(*device);
    for (auto& value : region.values)
      if (value.constant == nullptr) value.desc.format.layout = Layout::kBlocked16;
    Memory in(region.values[0].desc);
    Memory out(region.values.back().desc);
    in.fill(p.x);
    void* const inputs[] = {in.data()};
    void* const outputs[] = {out.data()};
    tactic.prepare(region, {arena, 1})->run({inputs, outputs}, *stream);
    EXPECT_TRUE(std::isnan(out.read()[5])) << tactic.name();
    EXPECT_FALSE(std::isnan(out.read()[4])) << tactic.name();
  }
}

}  // namespace
}  // namespace kissa::cpu
