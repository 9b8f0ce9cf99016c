#include "backends/cudnn/tactics.h"

namespace kissa::cudnn {
namespace {

struct State {
  OwnTensor tensor;
  OwnActivation activation;
};

std::optional<ActivationMode> mode_of(const Region& region) {
  if (region.only<Sigmoid>() != nullptr) return ActivationMode::kSigmoid;
  if (region.only<TanH>() != nullptr) return ActivationMode::kTanH;
  const auto* relu = region.only<Relu>();
  if (relu != nullptr && relu->negative_slope == 0.0f) return ActivationMode::kRelu;
  return std::nullopt;
}

class ActivationTactic final : public NodeTactic {
 public:
  std::string_view name() const override { return "cudnn.activation.f32"; }

 private:
  std::optional<std::string> refuse_op(const Region& region) const override {
    if (!mode_of(region)) return "runs one ReLU without a slope, sigmoid or TanH";
    return std::nullopt;
  }

  cuda::Program program(const Region& region, const cuda::NodeView& node) const override {
    const auto state = std::make_shared<State>();
    describe(state->tensor, 1, 1, 1, node.in(0).elements());
    check(library().api.set_activation(state->activation.get(), *mode_of(region),
                                       NanPropagation::kYes, 0.0),
          "describing an activation");
    return {.launch = [state, count = node.out(0).elements()](const cuda::Operands& at,
                                                              cudaStream_t stream) {
      run(stream, at.y(0), count, [&](Handle handle) {
        return library().api.activation(handle, state->activation.get(), &kOne, state->tensor.get(),
                                        at.x(0), &kZero, state->tensor.get(), at.y(0));
      });
    }};
  }
};

}  // namespace

std::unique_ptr<const Tactic> make_activation() { return std::make_unique<ActivationTactic>(); }

}  // namespace kissa::cudnn
