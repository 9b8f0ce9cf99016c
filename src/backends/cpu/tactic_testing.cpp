#include "backends/cpu/tactic_testing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kissa::cpu {
namespace {

TensorDesc& desc_of(Region& region, int value) {
  return region.values[static_cast<std::size_t>(value)].desc;
}

int add_value(Region& region, const Shape& shape, const float* constant = nullptr) {
  region.values.push_back({.desc = {.shape = shape}, .constant = constant});
  return static_cast<int>(region.values.size()) - 1;
}

void round_to(DataType type, Floats& values) {
  for (float& value : values) value = rounded_to(type, value);
}

Floats random_floats(std::int64_t count, std::uint32_t seed) {
  const OpCase filled = {.name = {}, .op = Identity{}, .in = {Shape{count}}, .fills = {Fill{}}};
  return CaseData(filled, seed).tensors()[0];
}

// Runs the references of a region whose inputs hold `trial.inputs`.
void set_expected(Trial& trial) {
  const Region& region = trial.region;
  std::vector<Floats> values(region.values.size());
  for (std::size_t i = 0; i < region.inputs.size(); ++i)
    values[static_cast<std::size_t>(region.inputs[i])] = trial.inputs[i];
  const auto view = [&](int value) -> ConstTensor {
    const Region::Value& of = region.value(value);
    return {of.constant != nullptr ? of.constant : values[static_cast<std::size_t>(value)].data(),
            of.desc.shape};
  };
  for (const Region::Node& node : region.nodes) {
    std::vector<ConstTensor> x;
    for (const int value : node.inputs) x.push_back(view(value));
    const float* residual = nullptr;
    if (node.epilogue.has_residual) {
      residual = x.back().data;
      x.pop_back();
    }
    for (const int value : node.params) x.push_back(view(value));
    std::vector<Tensor> y;
    for (const int value : node.outputs) {
      Floats& data = values[static_cast<std::size_t>(value)];
      data.resize(static_cast<std::size_t>(region.value(value).desc.shape.elements()));
      y.push_back({data.data(), region.value(value).desc.shape});
    }
    run_reference(node.op, x, y);
    apply(node.epilogue, residual, y[0].data, y[0].shape.elements());
  }
  for (const int value : region.outputs)
    trial.expected.push_back(values[static_cast<std::size_t>(value)]);
}

// Adds a node that reads `inputs`; its parameters are random.
void add_node(Trial& trial, const Op& op, const std::vector<int>& inputs, std::uint32_t seed) {
  Region& region = trial.region;
  Region::Node node = {.op = op, .inputs = inputs};
  OpCase op_case = {.name = {}, .op = op, .in = {}, .fills = {}};
  for (const int value : inputs) op_case.in.push_back(region.value(value).desc.shape);
  op_case.fills.resize(inputs.size());
  CaseData data(op_case, seed);
  for (std::size_t i = inputs.size(); i < data.shapes().size(); ++i) {
    round_to(trial.params_type, data.tensors()[i]);
    trial.params.push_back(std::move(data.tensors()[i]));
    node.params.push_back(add_value(region, data.shapes()[i], trial.params.back().data()));
  }
  for (const Shape& shape : infer(op, op_case.in)) node.outputs.push_back(add_value(region, shape));
  region.nodes.push_back(std::move(node));
}

// Binds output 0 to input 0 where `in_place`.
void run_once(const Tactic& tactic, Trial& trial, const Tolerance& tolerance, bool in_place,
              Device& device, Stream& stream) {
  Region& region = trial.region;
  std::vector<Memory> inputs;
  std::vector<Memory> outputs;
  for (std::size_t i = 0; i < region.inputs.size(); ++i)
    inputs.emplace_back(desc_of(region, region.inputs[i])).fill(trial.inputs[i]);
  for (const int value : region.outputs) outputs.emplace_back(desc_of(region, value)).poison();
  std::vector<void*> in;
  std::vector<void*> out;
  for (Memory& memory : inputs) in.push_back(memory.data());
  for (Memory& memory : outputs) out.push_back(memory.data());
  if (in_place) out[0] = in[0];

  WeightArena arena(device);
  const auto step = tactic.prepare(region, {arena, device.threads()});
  constexpr std::int64_t kBehind = 64;
  const std::int64_t bytes = step->workspace_bytes();
  const auto workspace = device.allocate(bytes + kBehind);
  std::memset(workspace->data(), 0xff, static_cast<std::size_t>(bytes + kBehind));
  step->run({in, out, workspace->data()}, stream);

  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Memory& memory = in_place && i == 0 ? inputs[0] : outputs[i];
    expect_close(memory.read(), trial.expected[i], tolerance);
    EXPECT_TRUE(memory.is_intact()) << "output " << i << ": wrote outside, or into padding lanes";
  }
  for (std::size_t i = in_place ? 1 : 0; i < inputs.size(); ++i)
    EXPECT_TRUE(inputs[i].is_intact()) << "changed around input " << i;
  const auto* end = static_cast<const unsigned char*>(workspace->data()) + bytes;
  EXPECT_TRUE(std::all_of(end, end + kBehind, [](unsigned char byte) { return byte == 0xff; }))
      << "wrote behind the workspace";
}

}  // namespace

void expect_close(const Floats& got, const Floats& expected, const Tolerance& tolerance) {
  double largest = 0.0;
  for (const float value : expected)
    if (std::isfinite(value)) largest = std::max(largest, std::abs(double{value}));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (std::isnan(expected[i]) ? std::isnan(got[i]) : got[i] == expected[i]) continue;
    const double error = std::abs(double{got[i]} - double{expected[i]});
    const double allowed = tolerance.relative * std::abs(double{expected[i]}) +
                           tolerance.absolute * largest + tolerance.least;
    if (!(error <= allowed)) {
      ADD_FAILURE() << "element " << i << " is " << got[i] << ", not " << expected[i]
                    << "; the largest is " << largest;
      return;
    }
  }
}

Trial make_trial(const OpCase& op_case, const TrialOptions& options) {
  Trial trial = {.name = op_case.name, .region = {}, .params = {}, .inputs = {}, .expected = {}};
  trial.params_type = options.params;
  trial.inputs_type = options.inputs;
  CaseData data(op_case, options.seed);
  std::vector<int> inputs;
  for (std::size_t i = 0; i < op_case.in.size(); ++i) {
    if (options.same_inputs && i > 0 && i + 1 == op_case.in.size()) {
      inputs.push_back(inputs[0]);
      continue;
    }
    inputs.push_back(add_value(trial.region, op_case.in[i]));
    round_to(trial.inputs_type, data.tensors()[i]);
    trial.inputs.push_back(std::move(data.tensors()[i]));
    trial.region.inputs.push_back(inputs.back());
  }
  add_node(trial, op_case.op, inputs, options.seed);
  Region::Node& node = trial.region.nodes[0];
  node.epilogue = options.epilogue;
  if (options.epilogue.has_residual) {
    const Shape out = trial.region.value(node.outputs[0]).desc.shape;
    node.inputs.push_back(add_value(trial.region, out));
    trial.region.inputs.push_back(node.inputs.back());
    trial.inputs.push_back(random_floats(out.elements(), options.seed + 1));
  }
  trial.region.outputs = node.outputs;
  set_expected(trial);
  return trial;
}

Trial make_chain(const std::string& name, const std::vector<Op>& ops, const Shape& in,
                 const Fill& fill, DataType inputs) {
  Trial trial = {.name = name, .region = {}, .params = {}, .inputs = {}, .expected = {}};
  const OpCase start = {.name = name, .op = Identity{}, .in = {in}, .fills = {fill}};
  trial.inputs = {CaseData(start, 1).tensors()[0]};
  trial.inputs_type = inputs;
  round_to(inputs, trial.inputs[0]);
  trial.region.inputs = {add_value(trial.region, in)};
  std::vector<int> flow = trial.region.inputs;
  for (const Op& op : ops) {
    add_node(trial, op, flow, 1);
    flow = trial.region.nodes.back().outputs;
  }
  trial.region.outputs = flow;
  set_expected(trial);
  return trial;
}

Trial join(const std::string& name, std::vector<Trial> trials) {
  Trial joined = {.name = name, .region = {}, .params = {}, .inputs = {}, .expected = {}};
  for (Trial& trial : trials) {
    const auto shift = static_cast<int>(joined.region.values.size());
    const auto add = [&](std::vector<int>& to, const std::vector<int>& from) {
      for (const int value : from) to.push_back(value + shift);
    };
    Region::Node node = trial.region.nodes[0];
    for (auto* values : {&node.inputs, &node.params, &node.outputs})
      for (int& value : *values) value += shift;
    joined.region.nodes.push_back(std::move(node));
    add(joined.region.inputs, trial.region.inputs);
    add(joined.region.outputs, trial.region.outputs);
    joined.region.values.insert(joined.region.values.end(), trial.region.values.begin(),
                                trial.region.values.end());
    // Moved, not copied: the constants point into them.
    for (auto [to, from] :
         {std::pair{&joined.params, &trial.params}, std::pair{&joined.inputs, &trial.inputs},
          std::pair{&joined.expected, &trial.expected}})
      std::move(from->begin(), from->end(), std::back_inserter(*to));
  }
  return joined;
}

std::optional<OpCase> with_batch(const OpCase& op_case, std::int64_t batch) {
  OpCase result = op_case;
  const Shape& first = op_case.in[0];
  if (first.rank() == 0) return std::nullopt;
  for (Shape& shape : result.in)
    if (shape.rank() > 0 && shape[0] == first[0]) shape = shape.with(0, batch);
  result.name += fmt::format(" (batch {})", batch);
  try {
    infer(result.op, result.in);
  } catch (const Error&) {
    return std::nullopt;
  }
  return result;
}

void set_formats(Region& region, const Requirements& need) {
  ASSERT_EQ(need.inputs.size(), region.inputs.size());
  ASSERT_EQ(need.outputs.size(), region.outputs.size());
  for (std::size_t i = 0; i < region.inputs.size(); ++i)
    desc_of(region, region.inputs[i]).format = need.inputs[i];
  for (std::size_t i = 0; i < region.outputs.size(); ++i)
    desc_of(region, region.outputs[i]).format = need.outputs[i];
}

void run_trial(const Tactic& tactic, Trial trial, const Tolerance& tolerance, Device& device,
               Stream& stream) {
  SCOPED_TRACE(
      fmt::format("{} by {} with {} threads", trial.name, tactic.name(), device.threads()));
  Region& region = trial.region;
  std::int64_t gap = 2;
  for (const auto* values : {&region.inputs, &region.outputs}) {
    for (const int value : *values) {
      TensorDesc& desc = desc_of(region, value);
      spread_images(desc, gap++);
    }
  }
  run_once(tactic, trial, tolerance, false, device, stream);
  if (region.nodes.size() != 1 || !is_elementwise(region.nodes[0].op)) return;
  TensorDesc& in = desc_of(region, region.nodes[0].inputs[0]);
  const TensorDesc& out = desc_of(region, region.nodes[0].outputs[0]);
  if (in.format != out.format || in.shape != out.shape) return;
  in.image_stride = out.image_stride;
  SCOPED_TRACE("in place");
  run_once(tactic, trial, tolerance, true, device, stream);
}

}  // namespace kissa::cpu
