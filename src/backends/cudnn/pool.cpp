#include "backends/cudnn/tactics.h"

namespace kissa::cudnn {
namespace {

// The windows of one axis.
struct Windows {
  std::int64_t image;
  std::int64_t kernel;
  std::int64_t stride;
  std::int64_t pad;
  std::int64_t places;

  std::int64_t last_begin() const { return (places - 1) * stride - pad; }
  bool has_empty() const { return last_begin() >= image || pad >= kernel; }
  // Whether the last one reaches beyond image and padding.
  bool overhangs() const { return last_begin() + kernel > image + pad; }
};

Windows windows_of(const Pooling& op, const Shape& in, const Shape& out, int axis) {
  const auto i = static_cast<std::size_t>(axis);
  return {in[2 + axis], op.kernel_on(in)[i], op.stride[i], op.pad[i], out[2 + axis]};
}

struct State {
  OwnTensor x;
  OwnTensor y;
  OwnPool pool;
};

// Caffe divides by the window clipped to image and padding: all of it where none overhangs.
PoolMode mode_of(const Pooling& op, const Windows& h, const Windows& w) {
  if (op.method == PoolMethod::kMax) return PoolMode::kMax;
  return h.overhangs() || w.overhangs() ? PoolMode::kAverageUnpadded : PoolMode::kAveragePadded;
}

class PoolTactic final : public NodeTactic {
 public:
  std::string_view name() const override { return "cudnn.pool.f32"; }

 private:
  std::optional<std::string> refuse_op(const Region& region) const override {
    const auto* op = region.only<Pooling>();
    if (op == nullptr) return "runs one pooling";
    if (op->with_mask) return "gives no mask";
    if (op->method == PoolMethod::kStochastic) return "knows maximum and average";
    const Shape& in = region.in(0).desc.shape;
    const Shape& out = region.out(0).desc.shape;
    const Windows h = windows_of(*op, in, out, 0);
    const Windows w = windows_of(*op, in, out, 1);
    if (h.has_empty() || w.has_empty()) return "takes no empty windows";
    const bool overhangs = h.overhangs() || w.overhangs();
    if (op->method == PoolMethod::kAverage && overhangs && (h.pad > 0 || w.pad > 0))
      return "divides otherwise where averaged windows overhang a padded image";
    return std::nullopt;
  }

  cuda::Program program(const Region& region, const cuda::NodeView& node) const override {
    const Pooling& op = *region.only<Pooling>();
    const Windows h = windows_of(op, node.in(0), node.out(0), 0);
    const Windows w = windows_of(op, node.in(0), node.out(0), 1);
    const auto state = std::make_shared<State>();
    describe(state->x, node.in(0));
    describe(state->y, node.out(0));
    check(library().api.set_pool(state->pool.get(), mode_of(op, h, w), NanPropagation::kNo,
                                 static_cast<int>(h.kernel), static_cast<int>(w.kernel),
                                 static_cast<int>(h.pad), static_cast<int>(w.pad),
                                 static_cast<int>(h.stride), static_cast<int>(w.stride)),
          "describing a pooling");
    return {.launch = [state, count = node.out(0).elements()](const cuda::Operands& at,
                                                              cudaStream_t stream) {
      run(stream, at.y(0), count, [&](Handle handle) {
        return library().api.pool(handle, state->pool.get(), &kOne, state->x.get(), at.x(0), &kZero,
                                  state->y.get(), at.y(0));
      });
    }};
  }
};

}  // namespace

std::unique_ptr<const Tactic> make_pool() { return std::make_unique<PoolTactic>(); }

}  // namespace kissa::cudnn
