// LRN across 5 channels, then a 3 x 3 max pool of stride 2.
#pragma once

#include <driver_types.h>

#include "backends/cuda/kernels/nhwc.h"

namespace kissa::cuda {

// For lrn.reach 2, windows that all reach into the image, and up to 65535 images.
void launch_lrn_pool(const WindowOp& op, cudaStream_t stream);

}  // namespace kissa::cuda
