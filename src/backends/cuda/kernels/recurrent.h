// LSTM and RNN as ops/recurrent.h defines them: one block of threads a stream, step by step. FP32.
#pragma once

#include <driver_types.h>

#include <cstdint>

namespace kissa::cuda {

struct RecurrentShape {
  bool is_lstm;
  std::int64_t steps, streams;
  std::int64_t x, fixed;  // elements of a step's input, and of the static input
  std::int64_t units;

  std::int64_t rows() const { return is_lstm ? 4 * units : units; }  // of weight_x
  std::int64_t workspace_floats() const { return streams * (rows() + 2 * units); }
};

// Null where the op has no such tensor: fixed and its weight, the states, weight_o and bias_o.
struct RecurrentData {
  const float *x, *cont, *fixed, *h, *c;
  const float *weight_x, *bias, *weight_static, *weight_h, *weight_o, *bias_o;
  float *y, *h_out, *c_out;
  float* workspace;
};
void run_recurrent(const RecurrentShape& shape, const RecurrentData& data, cudaStream_t stream);

}  // namespace kissa::cuda
