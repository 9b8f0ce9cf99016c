// Products on registers alone: what bounds every kernel. All of a GPU's multiprocessors take part.
#pragma once

#include <cuda_runtime_api.h>

namespace kissa::cuda {

enum class PeakKind { kFp32, kTf32, kFp16, kBf16, kInt8 };

// Enqueues `rounds` of products in `blocks` blocks; writes nothing to `sink`, unless sums become
// what they cannot. Returns how many operations that is, two a multiply-add.
double launch_peak(PeakKind kind, int blocks, int rounds, float* sink, cudaStream_t stream);

}  // namespace kissa::cuda
