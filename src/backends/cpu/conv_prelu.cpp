#include "backends/cpu/conv_prelu.h"

namespace kissa::cpu {
namespace {

bool is_chain(const Region& region) {
  if (region.nodes.size() != 2) return false;
  const Region::Node& conv = region.nodes[0];
  const Region::Node& prelu = region.nodes[1];
  return std::holds_alternative<Convolution>(conv.op) && std::holds_alternative<PRelu>(prelu.op) &&
         conv.epilogue.activation == Activation::kNone && prelu.epilogue.empty() &&
         prelu.inputs == conv.outputs && region.outputs == prelu.outputs;
}

Region without_prelu(const Region& region) {
  Region conv = region;
  const Region::Node& prelu = region.nodes[1];
  conv.nodes.pop_back();
  conv.nodes[0].params.push_back(prelu.params[0]);
  conv.nodes[0].outputs = prelu.outputs;
  return conv;
}

class WithPrelu final : public Tactic {
 public:
  explicit WithPrelu(std::unique_ptr<const Tactic> conv) : conv_(std::move(conv)) {}

  std::string_view name() const override { return conv_->name(); }
  std::optional<std::string> refuse(const Region& region) const override {
    return is_chain(region) ? conv_->refuse(without_prelu(region)) : conv_->refuse(region);
  }
  Requirements requirements(const Region& region) const override {
    return conv_->requirements(is_chain(region) ? without_prelu(region) : region);
  }
  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return conv_->prepare(is_chain(region) ? without_prelu(region) : region, context);
  }

 private:
  std::unique_ptr<const Tactic> conv_;
};

}  // namespace

std::unique_ptr<const Tactic> with_prelu(std::unique_ptr<const Tactic> conv) {
  return std::make_unique<WithPrelu>(std::move(conv));
}

const Region::Value* learned_slopes(const Region& region, const Region::Node& node) {
  const std::size_t usual = std::get<Convolution>(node.op).has_bias ? 2 : 1;
  return node.params.size() > usual ? &region.value(node.params.back()) : nullptr;
}

}  // namespace kissa::cpu
