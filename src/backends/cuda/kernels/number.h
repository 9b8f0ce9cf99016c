// What the activations of NHWC tensors hold, and how the kernels multiply them. Sums are FP32.
#pragma once

namespace kissa::cuda {

enum class Number {
  kF16,   // halves
  kTf32,  // floats rounded to TF32's 11 bits
  kF32,   // floats; a product on tensor cores is the sum of three of their TF32 halves
};

constexpr int bytes_of(Number number) { return number == Number::kF16 ? 2 : 4; }
// Channels in 32 bytes: what one product on tensor cores sums over.
constexpr int group_channels(Number number) { return 32 / bytes_of(number); }

}  // namespace kissa::cuda
