// The two choices that name a way of running: how layers are put together, and in which arithmetic.
#pragma once

#include <string_view>

namespace kissa {

enum class Mode {
  kCaffe,  // one kernel a layer, synchronised after each: the honest baseline
  kFused,  // fused, asynchronous, tuned for the machine
};
enum class Precision { kFp32, kTf32, kFp16, kBf16, kInt8 };

std::string_view to_string(Mode mode) noexcept;            // "caffe", "fused"
std::string_view to_string(Precision precision) noexcept;  // "fp32", ...
Mode parse_mode(std::string_view text);  // throws kInvalidArgument with what there is
Precision parse_precision(std::string_view text);

}  // namespace kissa
