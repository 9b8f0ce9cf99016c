#include "backends/cuda/node_step.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "backends/cuda/kernels/elementwise.h"

namespace kissa::cuda {
namespace {

bool has_residual(const Region& region) { return region.nodes[0].epilogue.has_residual; }

// The node's inputs, its parameters, and its residual.
std::vector<int> values_of(const Region& region) {
  const Region::Node& node = region.nodes[0];
  std::vector<int> values = node.inputs;
  if (has_residual(region)) values.pop_back();
  values.insert(values.end(), node.params.begin(), node.params.end());
  if (has_residual(region)) values.push_back(node.inputs.back());
  return values;
}

Unary activation_of(const Epilogue& epilogue) {
  switch (epilogue.activation) {
    case Activation::kRelu: return {.kind = UnaryKind::kRelu, .a = epilogue.low};
    case Activation::kClip:
      return {.kind = UnaryKind::kClipUnder, .a = epilogue.low, .b = epilogue.high};
    case Activation::kNone: break;
  }
  return {};
}

const float* upload(WeightArena& weights, const float* data, std::int64_t count) {
  const std::int64_t bytes = count * size_of(DataType::kF32);
  return static_cast<const float*>(weights.add(bytes, [&](void* packed) {
    if (bytes > 0) std::memcpy(packed, data, static_cast<std::size_t>(bytes));
  }));
}

class NodeStep final : public Step {
 public:
  NodeStep(const Region& region, WeightArena& weights, Program program)
      : program_(std::move(program)),
        epilogue_(region.nodes[0].epilogue),
        out_count_(region.out(0).desc.shape.elements()) {
    for (const int value : values_of(region)) {
      const Region::Value& of = region.value(value);
      const auto flows = std::find(region.inputs.begin(), region.inputs.end(), value);
      Operands::Source source;
      if (flows == region.inputs.end())
        source.constant = upload(weights, of.constant, of.desc.shape.elements());
      else
        source.binding = static_cast<std::size_t>(flows - region.inputs.begin());
      sources_.push_back(source);
    }
  }

  std::int64_t workspace_bytes() const override { return program_.workspace_bytes; }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const Operands operands(sources_, bindings);
    const cudaStream_t handle = handle_of(stream);
    program_.launch(operands, handle);
    float* y = operands.y(0);
    if (epilogue_.has_residual)
      run_accumulate(BinaryKind::kSum, false, 1.0f, operands.x(sources_.size() - 1), y, out_count_,
                     handle);
    if (epilogue_.activation != Activation::kNone)
      run_unary(activation_of(epilogue_), y, y, out_count_, handle);
  }

 private:
  Program program_;
  Epilogue epilogue_;
  std::int64_t out_count_;
  std::vector<Operands::Source> sources_;
};

}  // namespace

NodeView::NodeView(const Region& region, WeightArena& weights)
    : region_(region),
      weights_(weights),
      inputs_(region.nodes[0].inputs.size() - (has_residual(region) ? 1 : 0)),
      values_(values_of(region)) {}

// The arena makes it so when it copies.
void NodeView::use_device() const {
  keep(1, [](std::int64_t) { return 0.0f; });
}

const float* NodeView::keep(std::int64_t count,
                            const std::function<float(std::int64_t)>& number) const {
  return static_cast<const float*>(weights_.add(count * size_of(DataType::kF32), [&](void* packed) {
    auto* to = static_cast<float*>(packed);
    for (std::int64_t i = 0; i < count; ++i) to[i] = number(i);
  }));
}

std::optional<std::string> refuse_node(const Region& region) {
  if (region.nodes.size() != 1) return "runs one op at a time";
  for (const Region::Value& value : region.values)
    if (value.desc.format != Format{}) return "reads and writes row-major FP32 only";
  return std::nullopt;
}

std::unique_ptr<Step> make_node_step(const Region& region, WeightArena& weights, Program program) {
  return std::make_unique<NodeStep>(region, weights, std::move(program));
}

std::optional<std::string> NodeTactic::refuse(const Region& region) const {
  if (auto reason = refuse_node(region)) return reason;
  if (auto reason = refuse_op(region)) return reason;
  for (const Region::Value& value : region.values) {
    const std::int64_t count = value.desc.shape.elements();
    if (count == 0) return "takes no empty tensor";
    if (count > std::numeric_limits<int>::max()) return "takes tensors of fewer than 2^31 numbers";
  }
  return std::nullopt;
}

std::unique_ptr<Step> NodeTactic::prepare(const Region& region,
                                          const PrepareContext& context) const {
  const NodeView node(region, context.weights);
  return make_node_step(region, context.weights, program(region, node));
}

}  // namespace kissa::cuda
