// A 3 x 3 max pool of stride 2.
#pragma once

#include <driver_types.h>

#include "backends/cuda/kernels/nhwc.h"

namespace kissa::cuda {

// For windows that all reach into the image.
void launch_max_pool(const WindowOp& op, cudaStream_t stream);

}  // namespace kissa::cuda
