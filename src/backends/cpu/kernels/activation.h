// What is left of an Epilogue's activation inside a kernel.
#pragma once

namespace kissa::cpu {

// max(x, 0) + slope * min(x, 0) where leaky, else min(max(x, low), high).
struct ActivationParams {
  bool leaky;
  float slope;
  float low;
  float high;
};

}  // namespace kissa::cpu
