#include <array>

#include "backends/cudnn/conv_call.h"
#include "backends/cudnn/tactics.h"
#include "base/error.h"
#include "base/log.h"

namespace kissa::cudnn {
namespace {

// Their places here are what a plan file keeps.
constexpr std::array kAlgorithms = {ConvAlgorithm::kImplicitGemm,
                                    ConvAlgorithm::kPrecomputedGemm,
                                    ConvAlgorithm::kGemm,
                                    ConvAlgorithm::kFft,
                                    ConvAlgorithm::kFftTiling,
                                    ConvAlgorithm::kWinograd,
                                    ConvAlgorithm::kWinogradNonfused};

Image image_of(const Shape& shape) {
  return {.n = shape[0], .c = shape[1], .h = shape[2], .w = shape[3]};
}

struct State {
  State(const Convolution& op, const cuda::NodeView& node)
      : call(op, {.x = image_of(node.in(0)),
                  .y = image_of(node.out(0)),
                  .z = {},
                  .groups = op.group,
                  .has_bias = op.has_bias}) {}

  // The fastest algorithm as caffe mode runs it, launch by launch.
  std::size_t choose(const Convolution& op, const cuda::NodeView& node) const {
    const Scratch x(image_of(node.in(0)).bytes());
    const Scratch w(call.weight_bytes());
    const Scratch bias(op.num_output * 4);
    const Scratch y(image_of(node.out(0)).bytes());
    std::size_t best = 0;  // takes everything, and no workspace
    std::optional<double> least;
    for (std::size_t i = 0; i < kAlgorithms.size(); ++i) {
      const auto bytes = call.workspace_of(kAlgorithms[i]);
      if (!bytes) continue;
      const Scratch space(static_cast<std::int64_t>(*bytes));
      const ConvData data = {.x = x.data(),
                             .w = w.data(),
                             .bias = bias.data(),
                             .y = y.data(),
                             .workspace = space.data()};
      const auto time = measure(
          [&](cudaStream_t stream) {
            return call.run(handle_on(stream), kAlgorithms[i], false, *bytes, data);
          },
          false);
      if (!time || (least && *time >= kClearlyLess * *least)) continue;
      best = i;
      least = time;
    }
    log(LogLevel::kInfo, "cuDNN: {}: algorithm {} takes {:.1f} us", op.describe(),
        static_cast<int>(kAlgorithms[best]), least.value_or(0.0));
    return best;
  }

  ConvCall call;
  ConvAlgorithm algorithm = ConvAlgorithm::kImplicitGemm;
  std::size_t workspace_bytes = 0;
};

class ConvTactic final : public NodeTactic {
 public:
  std::string_view name() const override { return "cudnn.conv.f32"; }

 private:
  std::optional<std::string> refuse_op(const Region& region) const override {
    const auto* op = region.only<Convolution>();
    if (op == nullptr) return "runs one convolution";
    const Shape& in = region.in(0).desc.shape;
    if (in.rank() != 4 || in.canonical_axis(op->axis) != 1) return "takes N, C, H, W";
    return std::nullopt;
  }

  cuda::Program program(const Region& region, const cuda::NodeView& node) const override {
    const Convolution& op = *region.only<Convolution>();
    node.use_device();
    const auto state = std::make_shared<State>(op, node);
    const std::size_t way = settle(
        node.weights(), kAlgorithms.size(), [&] { return state->choose(op, node); },
        [&](std::size_t i) { return state->call.workspace_of(kAlgorithms[i]).has_value(); });
    state->algorithm = kAlgorithms[way];
    state->workspace_bytes = state->call.workspace_of(state->algorithm).value_or(0);
    const auto launch = [state, count = node.out(0).elements(), has_bias = op.has_bias](
                            const cuda::Operands& at, cudaStream_t stream) {
      run(stream, at.y(0), count, [&](Handle handle) {
        return state->call.run(handle, state->algorithm, false, state->workspace_bytes,
                               {.x = at.x(0),
                                .w = at.x(1),
                                .bias = has_bias ? at.x(2) : nullptr,
                                .y = at.y(0),
                                .workspace = at.workspace()});
      });
    };
    return {.launch = launch, .workspace_bytes = static_cast<std::int64_t>(state->workspace_bytes)};
  }
};

}  // namespace

std::unique_ptr<const Tactic> make_conv() { return std::make_unique<ConvTactic>(); }

}  // namespace kissa::cudnn
