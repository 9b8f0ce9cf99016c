// Runs tactics on the GPU on random data, in memory that shows where they read or write too much,
// and compares with the references.
#pragma once

#include "backends/cpu/tactic_testing.h"

namespace kissa::cuda {

// The GPU that the tests run on, and a stream of it.
Device& test_device();
Stream& test_stream();

// Runs the region of a trial, whose values are in the required formats but for their strides, and
// expects what the trial does. Outputs start as NaN, NHWC tensors lie in larger ones; the memory
// around, and padding lanes of outputs, must come out as they should. Where the op is elementwise,
// it also runs in place.
void run_trial(const Tactic& tactic, cpu::Trial trial, const cpu::Tolerance& tolerance);

}  // namespace kissa::cuda
