#include <array>

#include "backends/cudnn/tactics.h"
#include "base/error.h"
#include "base/log.h"

namespace kissa::cudnn {
namespace {

// Of memory that an algorithm may ask for.
constexpr std::size_t kMaxWorkspace = std::size_t{64} << 20;

struct State {
  State(const Convolution& op, const cuda::NodeView& node) {
    const Api& api = library().api;
    const Shape& weight = node.in(1);
    const auto at = [](const std::vector<std::int64_t>& extents, std::size_t i) {
      return static_cast<int>(extents[i]);
    };
    describe(x, node.in(0));
    describe(y, node.out(0));
    describe(bias, 1, op.num_output, 1, 1);
    check(api.set_filter(filter.get(), DataKind::kFloat, TensorFormat::kNchw,
                         static_cast<int>(weight[0]), static_cast<int>(weight[1]),
                         static_cast<int>(weight[2]), static_cast<int>(weight[3])),
          "describing weights");
    check(api.set_conv(conv.get(), at(op.pad, 0), at(op.pad, 1), at(op.stride, 0), at(op.stride, 1),
                       at(op.dilation, 0), at(op.dilation, 1), ConvMode::kCrossCorrelation,
                       DataKind::kFloat),
          "describing a convolution");
    check(api.set_conv_groups(conv.get(), static_cast<int>(op.group)), "setting groups");
    check(api.set_conv_math(conv.get(), Math::kFma), "setting true FP32");
  }

  // Takes the fastest algorithm that keeps to true FP32, as the descriptor asks; measured on memory
  // of cuDNN's own, on the current device.
  void choose(const Convolution& op) {
    const Handle handle = handle_on(nullptr);
    if (handle == nullptr)
      fail(ErrorCode::kDevice, "cuDNN cannot start; KISSA_CUDNN=off does without it");
    std::array<ConvTrial, 16> trials = {};
    int found = 0;
    check(library().api.find_conv(handle, x.get(), filter.get(), conv.get(), y.get(),
                                  static_cast<int>(trials.size()), &found, trials.data()),
          "looking for a convolution's algorithm");
    for (int i = 0; i < found; ++i) {
      const ConvTrial& trial = trials[static_cast<std::size_t>(i)];
      const bool is_fp32 = trial.math == Math::kFma || trial.math == Math::kDefault;
      if (trial.status != Status::kSuccess || !is_fp32 || trial.workspace_bytes > kMaxWorkspace)
        continue;
      algorithm = trial.algorithm;
      log(LogLevel::kInfo, "cuDNN: {}: algorithm {} takes {:.1f} us and {:.1f} MB", op.describe(),
          static_cast<int>(algorithm), 1e3 * static_cast<double>(trial.milliseconds),
          1e-6 * static_cast<double>(trial.workspace_bytes));
      workspace_bytes = trial.workspace_bytes;
      return;
    }
  }

  OwnTensor x;
  OwnTensor y;
  OwnTensor bias;
  OwnFilter filter;
  OwnConv conv;
  ConvAlgorithm algorithm = ConvAlgorithm::kImplicitGemm;  // takes everything, and no workspace
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
    const auto state = std::make_shared<State>(op, node);
    node.use_device();
    state->choose(op);
    const auto launch = [state, count = node.out(0).elements(), has_bias = op.has_bias](
                            const cuda::Operands& at, cudaStream_t stream) {
      run(stream, at.y(0), count, [&](Handle handle) {
        const Api& api = library().api;
        const Status status = api.conv(handle, &kOne, state->x.get(), at.x(0), state->filter.get(),
                                       at.x(1), state->conv.get(), state->algorithm, at.workspace(),
                                       state->workspace_bytes, &kZero, state->y.get(), at.y(0));
        if (status != Status::kSuccess || !has_bias) return status;
        return api.add_tensor(handle, &kOne, state->bias.get(), at.x(2), &kOne, state->y.get(),
                              at.y(0));
      });
    };
    return {.launch = launch, .workspace_bytes = static_cast<std::int64_t>(state->workspace_bytes)};
  }
};

}  // namespace

std::unique_ptr<const Tactic> make_conv() { return std::make_unique<ConvTactic>(); }

}  // namespace kissa::cudnn
