#include "backends/cudnn/tactics.h"

namespace kissa::cudnn {
namespace {

// What cuDNN takes.
constexpr std::int64_t kMaxSize = 16;
constexpr float kMinK = 1e-5f;
constexpr float kMinBeta = 0.01f;

struct State {
  OwnTensor tensor;
  OwnLrn lrn;
};

class LrnTactic final : public NodeTactic {
 public:
  std::string_view name() const override { return "cudnn.lrn.f32"; }

 private:
  std::optional<std::string> refuse_op(const Region& region) const override {
    const auto* op = region.only<Lrn>();
    if (op == nullptr || op->region != LrnRegion::kAcrossChannels)
      return "runs one LRN across channels";
    if (op->size > kMaxSize || op->k < kMinK || op->beta < kMinBeta)
      return "takes size <= 16, k >= 0.00001 and beta >= 0.01";
    return std::nullopt;
  }

  cuda::Program program(const Region& region, const cuda::NodeView& node) const override {
    const Lrn& op = *region.only<Lrn>();
    const auto state = std::make_shared<State>();
    describe(state->tensor, node.in(0));
    check(library().api.set_lrn(state->lrn.get(), static_cast<unsigned>(op.size),
                                static_cast<double>(op.alpha), static_cast<double>(op.beta),
                                static_cast<double>(op.k)),
          "describing an LRN");
    return {.launch = [state, count = node.out(0).elements()](const cuda::Operands& at,
                                                              cudaStream_t stream) {
      run(stream, at.y(0), count, [&](Handle handle) {
        return library().api.lrn(handle, state->lrn.get(), LrnMode::kAcrossChannels, &kOne,
                                 state->tensor.get(), at.x(0), &kZero, state->tensor.get(),
                                 at.y(0));
      });
    }};
  }
};

}  // namespace

std::unique_ptr<const Tactic> make_lrn() { return std::make_unique<LrnTactic>(); }

}  // namespace kissa::cudnn
