#include "backends/cudnn/tactics.h"

namespace kissa::cudnn {
namespace {

class SoftmaxTactic final : public NodeTactic {
 public:
  std::string_view name() const override { return "cudnn.softmax.f32"; }

 private:
  std::optional<std::string> refuse_op(const Region& region) const override {
    if (region.only<Softmax>() == nullptr) return "runs one softmax";
    return std::nullopt;
  }

  // The axis is cuDNN's channels; what lies before it are images, what lies behind it rows.
  cuda::Program program(const Region& region, const cuda::NodeView& node) const override {
    const Shape& in = node.in(0);
    const int axis = in.canonical_axis(region.only<Softmax>()->axis);
    const auto tensor = std::make_shared<OwnTensor>();
    describe(*tensor, in.product(0, axis), in[axis], in.product(axis + 1, in.rank()), 1);
    return {.launch = [tensor, count = in.elements()](const cuda::Operands& at,
                                                      cudaStream_t stream) {
      run(stream, at.y(0), count, [&](Handle handle) {
        return library().api.softmax(handle, SoftmaxAlgorithm::kAccurate, SoftmaxMode::kChannel,
                                     &kOne, tensor->get(), at.x(0), &kZero, tensor->get(), at.y(0));
      });
    }};
  }
};

}  // namespace

std::unique_ptr<const Tactic> make_softmax() { return std::make_unique<SoftmaxTactic>(); }

}  // namespace kissa::cudnn
