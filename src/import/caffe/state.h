// Which layers belong to the network in a state (phase, level, stages).
#pragma once

#include "import/caffe/caffe.pb.h"

namespace kissa::caffe {

// A layer with include rules belongs where the state meets one of them; one with exclude rules, or
// none, where the state meets none of them. Throws kInvalidModel on both kinds at once.
bool belongs(const LayerParameter& layer, const NetState& state);

}  // namespace kissa::caffe
