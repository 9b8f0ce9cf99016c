#include "backends/cuda/plain.h"

#include "backends/cuda/tactics.h"

namespace kissa::cuda {
namespace {

class PlainTactic final : public Tactic {
 public:
  std::string_view name() const override { return "cuda.plain.f32"; }
  std::optional<std::string> refuse(const Region& region) const override {
    return refuse_node(region);
  }
  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    const NodeView node(region, context.weights);
    Program program =
        std::visit([&](const auto& op) { return plain(op, node); }, region.nodes[0].op);
    return make_node_step(region, context.weights, std::move(program));
  }
};

}  // namespace

const Tactic& plain_tactic() {
  static const PlainTactic kTactic;
  return kTactic;
}

}  // namespace kissa::cuda
