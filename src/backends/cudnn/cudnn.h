// cuDNN's kernels as further tactics of the CUDA device, where the library is there at run time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backends/tactic.h"
#include "kissa/types.h"

namespace kissa::cudnn {

// `own`, the CUDA backend's tactics, with those of this room: in caffe mode before them, in fused
// mode before the plain kernels. The list lives as long as the program. Throws kDevice where
// KISSA_CUDNN names a library that is none.
TacticList with_cudnn(TacticList own, Mode mode, Precision precision);

// Its version and where it is from, or why there is none: as DeviceInfo::facts.
std::vector<std::pair<std::string, std::string>> facts();

}  // namespace kissa::cudnn
