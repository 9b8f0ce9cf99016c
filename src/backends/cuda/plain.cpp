#include "backends/cuda/plain.h"

#include <fmt/core.h>

#include "backends/cuda/tactics.h"
#include "base/error.h"

namespace kissa::cuda {
namespace {

template <class T>
concept HasProgram = requires(const T& op, const NodeView& node) {
  plain(op, node);
};

bool has_program(const Op& op) {
  return std::visit([]<class T>(const T&) { return HasProgram<T>; }, op);
}

class PlainTactic final : public Tactic {
 public:
  std::string_view name() const override { return "cuda.plain.f32"; }
  std::optional<std::string> refuse(const Region& region) const override {
    for (const Region::Node& node : region.nodes)
      if (!has_program(node.op)) return fmt::format("no kernel for {}", name_of(node.op));
    return refuse_node(region);
  }
  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    const NodeView node(region, context.weights);
    Program program = std::visit(
        [&]<class T>(const T& op) -> Program {
          if constexpr (HasProgram<T>) return plain(op, node);
          KISSA_CHECK(false);
          return {};
        },
        region.nodes[0].op);
    return make_node_step(region, context.weights, std::move(program));
  }
};

}  // namespace

const Tactic& plain_tactic() {
  static const PlainTactic kTactic;
  return kTactic;
}

}  // namespace kissa::cuda
