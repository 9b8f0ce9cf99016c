// The transforms of Winograd's convolution.
#pragma once

namespace kissa::cpu {

// F(m x m, r x r): m x m outputs of an r x r filter from P x P inputs, P = m + r - 1, by one
// product a point instead of r * r an output.
enum WinogradKind { kF2x3, kF4x3, kF6x3, kF4x5, kF5x4, kWinogradKinds };

struct WinogradSizes {
  int outputs;  // m
  int taps;     // r
  int points;   // P
};
inline constexpr WinogradSizes kWinogradSizes[kWinogradKinds] = {
    {2, 3, 4}, {4, 3, 6}, {6, 3, 8}, {4, 5, 8}, {5, 4, 8}};
inline constexpr int kMaxWinogradPoints = 8;

// B^T d B of one tile and block of channels: P x P pixels of 16 channels to P x P points.
struct WinogradInput {
  const float* src;
  long row_stride;  // floats from one row of pixels to the next
  float* dst;
  long point_stride;  // floats from one point to the next
};

// A^T m A of one tile and block of outputs, and its epilogue: the first rows x columns outputs of
// m x m are stored.
struct WinogradOutput {
  const float* src;
  long point_stride;
  const float* bias;  // 16
  float low, high;    // the outputs are clamped between them
  float* dst;
  long row_stride;
  int rows, columns;
};

struct WinogradKernels {
  void (*input[kWinogradKinds])(const WinogradInput&) noexcept;
  void (*output[kWinogradKinds])(const WinogradOutput&) noexcept;
};

}  // namespace kissa::cpu
