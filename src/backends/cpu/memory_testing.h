// Memory of a tensor under test, which shows where a kernel reads or writes too much.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/tensor.h"

namespace kissa::cpu {

using Floats = std::vector<float>;

// A tensor in any format inside of larger memory, which holds guards before, behind and, where its
// image_stride leaves room, between its images. Values are FP32 in row-major order.
class Memory {
 public:
  explicit Memory(const TensorDesc& desc);

  void fill(const Floats& values);  // rounds to the format; padding lanes are zero
  void poison();                    // NaN everywhere in the tensor, padding lanes too
  Floats read() const;
  // Whether the guards are as they were, and padding lanes are zero.
  bool is_intact() const;

  void* data() { return bytes_.data() + kGap; }

 private:
  static constexpr std::size_t kGap = 192;  // bytes

  template <class Visit>
  void for_each(const Visit& visit) const;
  void clear_images(unsigned char byte);
  void set(std::int64_t place, float value);
  float get(std::int64_t place) const;

  TensorDesc desc_;
  std::vector<unsigned char> bytes_;
};

// What a type holds of a number.
float rounded_to(DataType type, float value);

// Makes room for guards between the images of a blocked tensor, `gap` blocks' worth of lanes.
void spread_images(TensorDesc& desc, std::int64_t gap);

}  // namespace kissa::cpu
