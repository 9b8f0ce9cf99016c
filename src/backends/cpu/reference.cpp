#include <algorithm>

#include "backends/cpu/tactics.h"

namespace kissa::cpu {
namespace {

// The one step that allocates while it runs: it exists to be right, not fast.
class ReferenceStep final : public Step {
 public:
  explicit ReferenceStep(Region region) : region_(std::move(region)) {}

  void run(const Bindings& bindings, Stream&) const noexcept override {
    const Region::Node& node = region_.nodes.front();
    std::vector<ConstTensor> x;
    std::vector<Tensor> y;
    for (const int i : node.inputs)
      x.push_back({data_of(i, bindings), region_.value(i).desc.shape});
    const float* residual = nullptr;
    if (node.epilogue.has_residual) {
      residual = x.back().data;
      x.pop_back();
    }
    for (const int i : node.params)
      x.push_back({region_.value(i).constant, region_.value(i).desc.shape});
    for (std::size_t i = 0; i < node.outputs.size(); ++i)
      y.push_back({static_cast<float*>(bindings.outputs[i]), region_.out(i).desc.shape});
    run_reference(node.op, x, y);
    apply(node.epilogue, residual, y[0].data, y[0].shape.elements());
  }

 private:
  const float* data_of(int value, const Bindings& bindings) const noexcept {
    if (const float* constant = region_.value(value).constant) return constant;
    const auto input = std::find(region_.inputs.begin(), region_.inputs.end(), value);
    return static_cast<const float*>(
        bindings.inputs[static_cast<std::size_t>(input - region_.inputs.begin())]);
  }

  Region region_;
};

class Reference final : public Tactic {
 public:
  std::string_view name() const override { return "cpu.reference"; }
  std::optional<std::string> refuse(const Region& region) const override {
    if (region.nodes.size() != 1) return "runs one op at a time";
    for (const Region::Value& value : region.values)
      if (value.desc.format != Format{}) return "reads and writes row-major FP32 only";
    return std::nullopt;
  }
  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    return std::make_unique<ReferenceStep>(region);
  }
};

}  // namespace

const Tactic& reference() {
  static const Reference kTactic;
  return kTactic;
}

}  // namespace kissa::cpu
