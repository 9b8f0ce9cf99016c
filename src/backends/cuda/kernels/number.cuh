// Elements of NHWC tensors: __half, Tf32 or float. Loads give floats, stores round; a word is 16
// bytes; products take what mma.sync wants in a lane's registers.
#pragma once

#include <cfloat>
#include <type_traits>

#include "backends/cuda/kernels/fp16.cuh"
#include "backends/cuda/kernels/number.h"

namespace kissa::cuda {

// A float that holds 11 bits.
struct Tf32 {
  float value;
};

// Calls run(T{}), T the elements of `number`.
template <class Run>
void with_element(Number number, Run&& run) {
  switch (number) {
    case Number::kF16: run(__half{}); break;
    case Number::kTf32: run(Tf32{}); break;
    case Number::kF32: run(float{}); break;
  }
}

template <class T>
inline constexpr bool kIsHalf = std::is_same_v<T, __half>;
template <class T>
inline constexpr Number kNumber = kIsHalf<T>                ? Number::kF16
                                  : std::is_same_v<T, Tf32> ? Number::kTf32
                                                            : Number::kF32;
template <class T>
inline constexpr int kOfWord = 16 / sizeof(T);
template <class T>
inline constexpr float kLowest = kIsHalf<T> ? -65504.0f : -FLT_MAX;

__device__ inline float round_to_tf32(float x) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0,%1;" : "=r"(bits) : "f"(x));
  return __uint_as_float(bits);
#else
  return x;
#endif
}

template <class T>
__device__ T to_element(float x) {
  if constexpr (kIsHalf<T>)
    return __float2half_rn(x);
  else if constexpr (std::is_same_v<T, Tf32>)
    return {round_to_tf32(x)};
  else
    return x;
}

__device__ inline float to_float(__half x) { return __half2float(x); }
__device__ inline float to_float(Tf32 x) { return x.value; }
__device__ inline float to_float(float x) { return x; }

// The elements of a word.
template <class T>
__device__ void unpack(const uint4& word, float* to) {
  if constexpr (kIsHalf<T>) {
    to_floats(word, to);
  } else {
    to[0] = __uint_as_float(word.x);
    to[1] = __uint_as_float(word.y);
    to[2] = __uint_as_float(word.z);
    to[3] = __uint_as_float(word.w);
  }
}

// kCount neighbouring elements (2, 4 or 8), from an address that is a multiple of their size or of
// 16 bytes.
template <int kCount, class T>
__device__ void load_elements(const T* from, float* to) {
  if constexpr (kIsHalf<T> && kCount == 8) {
    unpack<T>(__ldcg(reinterpret_cast<const uint4*>(from)), to);
  } else if constexpr (kIsHalf<T>) {
    using Word = std::conditional_t<kCount == 4, uint2, std::uint32_t>;
    union {
      Word word;
      __half2 pairs[kCount / 2];
    };
    word = __ldcg(reinterpret_cast<const Word*>(from));
#pragma unroll
    for (int i = 0; i < kCount / 2; ++i) {
      const float2 pair = __half22float2(pairs[i]);
      to[2 * i] = pair.x;
      to[2 * i + 1] = pair.y;
    }
  } else if constexpr (kCount == 2) {
    const float2 pair = __ldcg(reinterpret_cast<const float2*>(from));
    to[0] = pair.x;
    to[1] = pair.y;
  } else {
#pragma unroll
    for (int i = 0; i < kCount; i += 4)
      unpack<T>(__ldcg(reinterpret_cast<const uint4*>(from + i)), to + i);
  }
}

// The same the other way; kCount is 4 or 8.
template <int kCount, class T>
__device__ void store_elements(T* to, const float* from) {
  if constexpr (kIsHalf<T> && kCount == 8) {
    *reinterpret_cast<uint4*>(to) = to_halves(from);
  } else if constexpr (kIsHalf<T>) {
    __half2 pairs[2] = {__floats2half2_rn(from[0], from[1]), __floats2half2_rn(from[2], from[3])};
    *reinterpret_cast<uint2*>(to) = *reinterpret_cast<const uint2*>(pairs);
  } else {
    const auto round = [](float x) { return to_float(to_element<T>(x)); };
#pragma unroll
    for (int i = 0; i < kCount; i += 4)
      *reinterpret_cast<float4*>(to + i) =
          make_float4(round(from[i]), round(from[i + 1]), round(from[i + 2]), round(from[i + 3]));
  }
}

template <class T>
__device__ uint4 lowest_word() {
  if constexpr (kIsHalf<T>) return lowest_half8();
  const std::uint32_t bits = __float_as_uint(-FLT_MAX);
  return make_uint4(bits, bits, bits, bits);
}

template <class T>
__device__ uint4 max_word(const uint4& a, const uint4& b) {
  if constexpr (kIsHalf<T>) {
    return max_half8(a, b);
  } else {
    const auto larger = [](std::uint32_t x, std::uint32_t y) {
      return __float_as_uint(fmaxf(__uint_as_float(x), __uint_as_float(y)));
    };
    return make_uint4(larger(a.x, b.x), larger(a.y, b.y), larger(a.z, b.z), larger(a.w, b.w));
  }
}

// c (16 x 8) += a (16 x 8) b (8 x 8) in TF32; what a and b hold behind 11 bits is dropped.
__device__ inline void multiply_add_tf32(float (&c)[4], const uint4& a, std::uint32_t b0,
                                         std::uint32_t b1) {
  KISSA_AMPERE_PURE(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
      "{%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

// A float as the sum of two of 11 bits, but for the last of its 24; the second is rounded, and has
// bits behind the 11 that the product drops.
struct Halves {
  std::uint32_t high, low;
};
__device__ inline Halves split(std::uint32_t bits) {
  const std::uint32_t high = bits & 0xffffe000u;
  const float rest = __uint_as_float(bits) - __uint_as_float(high);
  return {high, __float_as_uint(rest) + 0x1000u};
}

// c (16 x 8) += a (16 x 32 bytes) b (32 bytes x 8) for two such steps, whose b are (x, y), (z, w).
// Of floats, the products of the high halves and the two mixed ones are summed from 0 and then
// added with rounding: the tensor core's own sums drop bits.
template <class T>
__device__ void multiply_add_pair(float (&c)[4], const uint4& a0, const uint4& a1, const uint4& b) {
  if constexpr (kIsHalf<T>) {
    multiply_add(c, a0, b.x, b.y);
    multiply_add(c, a1, b.z, b.w);
  } else if constexpr (std::is_same_v<T, Tf32>) {
    multiply_add_tf32(c, a0, b.x, b.y);
    multiply_add_tf32(c, a1, b.z, b.w);
  } else {
    float sums[4] = {};
    const auto add = [&](const uint4& a, std::uint32_t x, std::uint32_t y) {
      const Halves a_x = split(a.x), a_y = split(a.y), a_z = split(a.z), a_w = split(a.w);
      const Halves b_x = split(x), b_y = split(y);
      const uint4 high = make_uint4(a_x.high, a_y.high, a_z.high, a_w.high);
      multiply_add_tf32(sums, make_uint4(a_x.low, a_y.low, a_z.low, a_w.low), b_x.high, b_y.high);
      multiply_add_tf32(sums, high, b_x.low, b_y.low);
      multiply_add_tf32(sums, high, b_x.high, b_y.high);
    };
    add(a0, b.x, b.y);
    add(a1, b.z, b.w);
#pragma unroll
    for (int i = 0; i < 4; ++i) c[i] += sums[i];
  }
}

}  // namespace kissa::cuda
