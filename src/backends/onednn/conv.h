// Convolution by oneDNN.
#pragma once

#include <memory>

#include "backends/tactic.h"

namespace kissa::onednn {

// onednn.conv.f32: 2-D, FP32 in blocks of 16 channels, any group and dilation, with bias and an
// activation. Where oneDNN has kernels of AVX-512 for it.
//
// A task is an image, or some of its blocks of outputs; it runs as oneDNN's primitive on one
// thread, the pool's own: nothing is oversubscribed. Unlike Kissa's steps a run allocates, a few
// hundred bytes a task: oneDNN keeps the arguments of a call in a map.
std::unique_ptr<const Tactic> make_conv();

}  // namespace kissa::onednn
