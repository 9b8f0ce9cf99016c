// Brings networks of Caffe's older formats into today's.
#pragma once

#include "import/caffe/network_file.h"

namespace kissa::caffe {

// V0 -> V1 -> V2, and input fields into a layer of type Input: afterwards all is in net.layer, and
// `lines` tells where each came from. What today's format cannot say is logged and left out, as by
// Caffe. Throws kInvalidModel where the file mixes formats or makes no sense in its own.
void upgrade(NetworkFile& file);

// The steps. Each leaves a network that is past it alone.
// `layers { layer { type: "conv" } }` -> `layers { type: CONVOLUTION }`; padding layers go into the
// convolution or pooling that reads them.
void upgrade_v0(NetworkFile& file);
// `layers { type: CONVOLUTION }` -> `layer { type: "Convolution" }`
void upgrade_v1(NetworkFile& file);
// `input: "data" input_dim: 1 ...` -> `layer { type: "Input" }`, in front
void upgrade_inputs(NetworkFile& file);

}  // namespace kissa::caffe
