// Caffe mode's products by cuBLAS, where the library is there at run time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backends/tactic.h"
#include "kissa/types.h"

namespace kissa::cublas {

// cublas.inner_product.f32, and cublas.conv.f32 (im2col and a product); both in true FP32.
std::vector<std::unique_ptr<const Tactic>> make_tactics();

// `own`, the CUDA backend's tactics, and in caffe mode those of this room before them. The list
// lives as long as the program. Throws kDevice where KISSA_CUBLAS names a library that is none.
TacticList with_cublas(TacticList own, Mode mode);

// Its version and where it is from, or why there is none: as DeviceInfo::facts.
std::vector<std::pair<std::string, std::string>> facts();

}  // namespace kissa::cublas
