// Runs tactics on random data in memory that shows where they read or write too much, and compares
// with the references.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backends/cpu/memory_testing.h"
#include "backends/tactic.h"
#include "cases.h"

namespace kissa::cpu {

// A region with data for what flows in, and what should flow out; all row-major.
struct Trial {
  std::string name;
  Region region;
  std::vector<Floats> params;  // what the region's constants point to
  std::vector<Floats> inputs;  // one a Region::inputs
  std::vector<Floats> expected;
  DataType params_type = DataType::kF32;  // values are such that it holds them exactly
  DataType inputs_type = DataType::kF32;
};

struct TrialOptions {
  Epilogue epilogue = {};            // its residual, if any, is random
  bool same_inputs = false;          // the first and the last input are one value
  DataType params = DataType::kF32;  // the type that holds parameters exactly
  DataType inputs = DataType::kF32;  // and what flows in besides a residual
  std::uint32_t seed = 1;
};
// The region of one node.
Trial make_trial(const OpCase& op_case, const TrialOptions& options = {});

// A chain: each op takes the one before's output.
Trial make_chain(const std::string& name, const std::vector<Op>& ops, const Shape& in,
                 const Fill& fill, DataType inputs = DataType::kF32);

// Trials of one node each, side by side in one region.
Trial join(const std::string& name, std::vector<Trial> trials);

// The case for `batch` images (the first axis of all inputs that have the first one's), or nothing
// where the op takes no such inputs.
std::optional<OpCase> with_batch(const OpCase& op_case, std::int64_t batch);

// |got - expected| <= relative * |expected| + absolute * max |expected| + least.
struct Tolerance {
  double relative;
  double absolute;
  double least = 0.0;
};

void expect_close(const Floats& got, const Floats& expected, const Tolerance& tolerance);

// Runs the region of a trial, whose values are in the required formats but for their strides, and
// expects what the trial does. Blocked tensors lie in larger ones; memory between and around, and
// padding lanes of outputs, must come out as they should; workspace starts as NaN. Where the op is
// elementwise, it also runs in place.
void run_trial(const Tactic& tactic, Trial trial, const Tolerance& tolerance, Device& device,
               Stream& stream);

// Gives the region's inputs and outputs the formats that the tactic wants.
void set_formats(Region& region, const Requirements& need);

}  // namespace kissa::cpu
