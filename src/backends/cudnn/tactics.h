// The tactics of cuDNN, in FP32 and row-major order; each only where the library is loaded. What
// cuDNN would compute otherwise than Caffe is refused.
#pragma once

#include <memory>

#include "backends/cudnn/call.h"

namespace kissa::cudnn {

// cudnn.conv.f32: the fastest algorithm that cuDNN finds on the device without tensor cores; the
// bias is a kernel of its own.
std::unique_ptr<const Tactic> make_conv();
std::unique_ptr<const Tactic> make_pool();        // cudnn.pool.f32
std::unique_ptr<const Tactic> make_lrn();         // cudnn.lrn.f32, across channels
std::unique_ptr<const Tactic> make_softmax();     // cudnn.softmax.f32
std::unique_ptr<const Tactic> make_activation();  // cudnn.activation.f32: ReLU, sigmoid, TanH

// A tactic for one op.
class NodeTactic : public Tactic {
 public:
  std::optional<std::string> refuse(const Region& region) const final;
  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext& context) const final;

 private:
  virtual std::optional<std::string> refuse_op(const Region& region) const = 0;
  virtual cuda::Program program(const Region& region, const cuda::NodeView& node) const = 0;
};

}  // namespace kissa::cudnn
