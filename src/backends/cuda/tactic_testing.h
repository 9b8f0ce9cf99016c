// Runs tactics on the GPU on random data, in memory that shows where they read or write too much,
// and compares with the references.
#pragma once

#include "backends/cpu/tactic_testing.h"
#include "backends/cuda/kernels/number.h"

namespace kissa::cuda {

// The GPU that the tests run on, and a stream of it.
Device& test_device();
Stream& test_stream();

// Every line of tests/cases; KISSA_CASES names the folder where they were copied to another
// machine.
const std::vector<OpCase>& cases();
// Fresh data in every run, and the same again with KISSA_SEED.
std::uint32_t seed();

// How many numbers an output of the region sums up, at most.
std::int64_t reduction_length(const Region& region);

// What tactics of a number may give where such sums are of `length` terms. Operands and results are
// rounded, which is lost in a share of the result, or, where terms cancel, of the largest one; the
// roundings of the sum itself add up like a random walk. docs/gpu.md has the formula.
cpu::Tolerance tolerance_of(Number number, std::int64_t length);

// Runs the region of a trial, whose values are in the required formats but for their strides, and
// expects what the trial does. Outputs start as NaN, NHWC tensors lie in larger ones; the memory
// around, and padding lanes of outputs, must come out as they should. Where the op is elementwise,
// it also runs in place.
void run_trial(const Tactic& tactic, cpu::Trial trial, const cpu::Tolerance& tolerance);

// As run_trial; gives what all outputs are off by, in squares, as a share of them.
double mean_error(const Tactic& tactic, cpu::Trial trial);

}  // namespace kissa::cuda
