// oneDNN's kernels as further tactics of the CPU device (DNNL, oneAPI Deep Neural Network Library).
#pragma once

#include "backends/tactic.h"
#include "kissa/types.h"

namespace kissa::onednn {

// `own`, the CPU backend's tactics, and behind them those of this room for the same mode and
// precision. The list lives as long as the program.
TacticList with_onednn(TacticList own, Mode mode, Precision precision);

}  // namespace kissa::onednn
