// LRN across 5 channels and a 3 x 3 max pool of stride 2 in FP16, for many pixels.
#pragma once

#include <driver_types.h>

#include "backends/cuda/kernels/nhwc.h"

namespace kissa::cuda {

// For windows that all start inside of the image, and up to 65535 images.
void launch_lrn_pool(const WindowOp& op, cudaStream_t stream);

}  // namespace kissa::cuda
