#include "backends/cpu/memory_testing.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/bf16.h"
#include "base/error.h"
#include "base/fp16.h"

namespace kissa::cpu {
namespace {

constexpr unsigned char kGuard = 0xa5;

}  // namespace

Memory::Memory(const TensorDesc& desc) : desc_(desc) {
  KISSA_CHECK(desc.format.type != DataType::kI8);
  if (is_blocked(desc.format.layout) && desc.image_stride == 0)
    desc_.image_stride = desc.image_elements();
  const std::int64_t elements =
      is_blocked(desc.format.layout) ? desc.shape[0] * desc_.image_stride : desc.shape.elements();
  bytes_.assign(2 * kGap + static_cast<std::size_t>(elements * size_of(desc.format.type)), kGuard);
}

// visit(element, place): where each element of row-major order lies.
template <class Visit>
void Memory::for_each(const Visit& visit) const {
  const Shape& s = desc_.shape;
  if (!is_blocked(desc_.format.layout)) {
    for (std::int64_t i = 0; i < s.elements(); ++i) visit(i, i);
    return;
  }
  const std::int64_t block = block_channels(desc_.format.layout);
  const std::int64_t plane = s[2] * s[3];
  std::int64_t element = 0;
  for (std::int64_t n = 0; n < s[0]; ++n)
    for (std::int64_t c = 0; c < s[1]; ++c)
      for (std::int64_t i = 0; i < plane; ++i, ++element)
        visit(element, n * desc_.image_stride + (c / block * plane + i) * block + c % block);
}

void Memory::clear_images(unsigned char byte) {
  if (!is_blocked(desc_.format.layout)) return;
  const std::int64_t size = size_of(desc_.format.type);
  for (std::int64_t n = 0; n < desc_.shape[0]; ++n)
    std::fill_n(bytes_.data() + kGap + n * desc_.image_stride * size, desc_.image_elements() * size,
                byte);
}

void Memory::set(std::int64_t place, float value) {
  unsigned char* at = bytes_.data() + kGap + place * size_of(desc_.format.type);
  if (desc_.format.type == DataType::kF32) {
    std::memcpy(at, &value, sizeof value);
  } else {
    const std::uint16_t half =
        desc_.format.type == DataType::kF16 ? to_fp16(value) : to_bf16(value);
    std::memcpy(at, &half, sizeof half);
  }
}

float Memory::get(std::int64_t place) const {
  const unsigned char* at = bytes_.data() + kGap + place * size_of(desc_.format.type);
  if (desc_.format.type == DataType::kF32) {
    float value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  std::uint16_t half;
  std::memcpy(&half, at, sizeof half);
  return desc_.format.type == DataType::kF16 ? from_fp16(half) : from_bf16(half);
}

void Memory::fill(const Floats& values) {
  clear_images(0);
  for_each([&](std::int64_t element, std::int64_t place) {
    set(place, values[static_cast<std::size_t>(element)]);
  });
}

void Memory::poison() {
  clear_images(0xff);
  for_each([&](std::int64_t, std::int64_t place) {
    set(place, std::numeric_limits<float>::quiet_NaN());
  });
}

Floats Memory::read() const {
  Floats values(static_cast<std::size_t>(desc_.shape.elements()));
  for_each([&](std::int64_t element, std::int64_t place) {
    values[static_cast<std::size_t>(element)] = get(place);
  });
  return values;
}

bool Memory::is_intact() const {
  Memory expected(desc_);
  expected.clear_images(0);
  const std::int64_t size = size_of(desc_.format.type);
  for_each([&](std::int64_t, std::int64_t place) {
    const auto at = static_cast<std::ptrdiff_t>(kGap) + place * size;
    std::copy_n(bytes_.begin() + at, size, expected.bytes_.begin() + at);
  });
  return bytes_ == expected.bytes_;
}

float rounded_to(DataType type, float value) {
  switch (type) {
    case DataType::kBF16: return from_bf16(to_bf16(value));
    case DataType::kF16: return from_fp16(to_fp16(value));
    default: return value;
  }
}

void spread_images(TensorDesc& desc, std::int64_t gap) {
  if (is_blocked(desc.format.layout))
    desc.image_stride = desc.image_elements() + gap * block_channels(desc.format.layout);
}

}  // namespace kissa::cpu
