// Pieces that the NHWC kernels share: asynchronous copies, tensor-core products of halves, and
// programmatic dependent launch.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

// What a GPU lacks compiles to nothing, or to a trap: Volta and Turing have no such products and
// copies, and before Hopper kernels start when the one before is done.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define KISSA_EARLY_START(code) asm volatile(code ::: "memory")
#else
#define KISSA_EARLY_START(code) static_cast<void>(0)
#endif
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define KISSA_AMPERE(...) asm volatile(__VA_ARGS__)
#define KISSA_AMPERE_PURE(...) asm(__VA_ARGS__)  // may move, and goes where nothing needs it
#else
#define KISSA_AMPERE(...) __trap()
#define KISSA_AMPERE_PURE(...) __trap()
#endif

namespace kissa::cuda {

// Lets the next kernel of the stream start while this one runs...
__device__ inline void let_next_start() { KISSA_EARLY_START("griddepcontrol.launch_dependents;"); }
// ...and waits for all that the kernels before have written. Every block of every kernel that is
// launched by launch_early calls it, before its first read or write of an activation.
__device__ inline void wait_for_previous() { KISSA_EARLY_START("griddepcontrol.wait;"); }

// 16 bytes of weights, which no kernel writes: they may be read before wait_for_previous.
__device__ inline uint4 load_weights(const uint4* from) {
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3},[%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(from));
  return v;
}

__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

// 16 bytes to shared memory, or zeros where not `is_inside`.
__device__ inline void copy_async(std::uint32_t to, const void* from, bool is_inside) {
  KISSA_AMPERE("cp.async.cg.shared.global [%0],[%1],16,%2;" ::"r"(to), "l"(from),
               "r"(is_inside ? 16 : 0));
}
__device__ inline void commit_copies() { KISSA_AMPERE("cp.async.commit_group;" ::: "memory"); }
// Until only the latest kLater groups that were committed may be on their way.
template <int kLater>
__device__ void wait_for_copies() {
  KISSA_AMPERE("cp.async.wait_group %0;" ::"n"(kLater) : "memory");
}

__device__ inline uint4 load_shared(std::uint32_t from) {
  uint4 v;
  asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3},[%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "r"(from));
  return v;
}

// Four 8 x 8 tiles of halves; lane l gives the address of row l % 8 of tile l / 8.
__device__ inline uint4 load_tiles(std::uint32_t from) {
  uint4 v;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3},[%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "r"(from));
  return v;
}

// c (16 x 8) += a (16 x 16) b (16 x 8)
__device__ inline void multiply_add(float (&c)[4], const uint4& a, std::uint32_t b0,
                                    std::uint32_t b1) {
  KISSA_AMPERE_PURE(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
      "{%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

// Eight halves.
union Half8 {
  uint4 bits;
  __half2 pairs[4];
};

inline constexpr std::uint32_t kLowestHalves = 0xfbfffbffu;  // twice -65504

__device__ inline uint4 lowest_half8() {
  return make_uint4(kLowestHalves, kLowestHalves, kLowestHalves, kLowestHalves);
}

__device__ inline uint4 max_half8(const uint4& a, const uint4& b) {
  Half8 x;
  Half8 y;
  x.bits = a;
  y.bits = b;
#pragma unroll
  for (int i = 0; i < 4; ++i) x.pairs[i] = __hmax2(x.pairs[i], y.pairs[i]);
  return x.bits;
}

__device__ inline void to_floats(const uint4& halves, float* floats) {
  Half8 x;
  x.bits = halves;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float2 pair = __half22float2(x.pairs[i]);
    floats[2 * i] = pair.x;
    floats[2 * i + 1] = pair.y;
  }
}

__device__ inline uint4 to_halves(const float* floats) {
  Half8 x;
#pragma unroll
  for (int i = 0; i < 4; ++i) x.pairs[i] = __floats2half2_rn(floats[2 * i], floats[2 * i + 1]);
  return x.bits;
}

// Launches a kernel of one argument that may start before the one before it is done.
template <class Argument>
void launch_early(void (*kernel)(Argument), const Argument& argument, dim3 grid, unsigned threads,
                  std::size_t shared_bytes, cudaStream_t stream) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = 1;
  cudaLaunchKernelEx(&config, kernel, argument);
}

}  // namespace kissa::cuda
