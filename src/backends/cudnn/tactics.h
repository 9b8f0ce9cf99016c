// The tactics of cuDNN; each only where the library is loaded. What cuDNN would compute otherwise
// than Caffe is refused.
#pragma once

#include <memory>

#include "backends/cuda/kernels/number.h"
#include "backends/cudnn/call.h"

namespace kissa::cudnn {

// cudnn.conv.f32 and those below it: in FP32 and row-major order. By the fastest algorithm without
// tensor cores, measured on the device when it is prepared; the bias is a kernel of its own.
std::unique_ptr<const Tactic> make_conv();
std::unique_ptr<const Tactic> make_pool();        // cudnn.pool.f32
std::unique_ptr<const Tactic> make_lrn();         // cudnn.lrn.f32, across channels
std::unique_ptr<const Tactic> make_softmax();     // cudnn.softmax.f32
std::unique_ptr<const Tactic> make_activation();  // cudnn.activation.f32: ReLU, sigmoid, TanH

// cudnn.conv.nhwc.f16, .tf32, .f32: a convolution of any stride, dilation and groups in NHWC, with
// its bias, residual and ReLU; the way is measured when it is prepared.
std::unique_ptr<const Tactic> make_fused_conv(cuda::Number number);

using cuda::NodeTactic;  // of caffe mode

}  // namespace kissa::cudnn
