// Hopper's own means (sm_90a): barriers in shared memory, bulk copies by the tensor memory
// accelerator (TMA), and products of a warpgroup (wgmma).
#pragma once

#include <cuda.h>

#include <cstdint>

#include "backends/cuda/kernels/number.cuh"

// Other GPUs never launch what uses these.
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define KISSA_HOPPER(...) asm volatile(__VA_ARGS__)
#else
#define KISSA_HOPPER(...) __trap()
#endif

namespace kissa::cuda {

// --- Barriers: 8 bytes of shared memory each, by address.

__device__ inline void init_barrier(std::uint32_t barrier, int arrivals) {
  KISSA_HOPPER("mbarrier.init.shared::cta.b64 [%0],%1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
// After the last init, before any other thread or copy uses them.
__device__ inline void publish_barriers() {
  KISSA_HOPPER("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ inline void arrive(std::uint32_t barrier) {
  KISSA_HOPPER("mbarrier.arrive.shared::cta.b64 _,[%0];" ::"r"(barrier) : "memory");
}
// Arrives, and lets the phase also wait for so many bytes of bulk copies.
__device__ inline void arrive_expecting(std::uint32_t barrier, int bytes) {
  KISSA_HOPPER("mbarrier.arrive.expect_tx.shared::cta.b64 _,[%0],%1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}
// Until the phase of that parity is complete.
__device__ inline void wait_for(std::uint32_t barrier, std::uint32_t parity) {
  KISSA_HOPPER(
      "{\n.reg .pred done;\n"
      "again: mbarrier.try_wait.parity.shared::cta.b64 done,[%0],%1;\n"
      "@!done bra again;\n}" ::"r"(barrier),
      "r"(parity)
      : "memory");
}

// Lets wgmma and bulk copies see what this thread has written to shared memory.
__device__ inline void publish_shared() {
  KISSA_HOPPER("fence.proxy.async.shared::cta;" ::: "memory");
}

// --- Bulk copies to shared memory, counted by a barrier; issued by one thread.

// `bytes`, a multiple of 16, lie in a row.
__device__ inline void bulk_copy(std::uint32_t to, const void* from, int bytes,
                                 std::uint32_t barrier) {
  KISSA_HOPPER(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0],[%1],%2,[%3];" ::"r"(
          to),
      "l"(from), "r"(bytes), "r"(barrier)
      : "memory");
}
// Pixels of a map made by encode_pixels: one box of them from (x, y, image) on, moved by a tap.
__device__ inline void copy_pixels(std::uint32_t to, const CUtensorMap* map, int channel, int x,
                                   int y, int image, int tap_x, int tap_y, std::uint32_t barrier) {
  KISSA_HOPPER(
      "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes "
      "[%0],[%1,{%2,%3,%4,%5}],[%6],{%7,%8};" ::"r"(to),
      "l"(map), "r"(channel), "r"(x), "r"(y), "r"(image), "r"(barrier),
      "h"(static_cast<std::uint16_t>(tap_x)), "h"(static_cast<std::uint16_t>(tap_y))
      : "memory");
}

// A box of a map made for tiles, from (channel, x, y, image) on; what lies outside is 0.
__device__ inline void copy_box(std::uint32_t to, const CUtensorMap* map, int channel, int x, int y,
                                int image, std::uint32_t barrier) {
  KISSA_HOPPER(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
      "[%0],[%1,{%2,%3,%4,%5}],[%6];" ::"r"(to),
      "l"(map), "r"(channel), "r"(x), "r"(y), "r"(image), "r"(barrier)
      : "memory");
}

// --- Products of a warpgroup: sums (64 x kColumns) += a (64 x 32 bytes) b^T, b kColumns x 32
// bytes, both in shared memory in rows of 128 bytes, swizzled (16-byte word w of row r lies at word
// w ^ r % 8).

__device__ inline std::uint64_t tile_descriptor(std::uint32_t address) {
  constexpr std::uint64_t kRowGroup = 1024 / 16;  // 8 rows
  constexpr std::uint64_t kSwizzle128 = 1;
  return (address & 0x3ffff) >> 4 | std::uint64_t{1} << 16 | kRowGroup << 32 | kSwizzle128 << 62;
}
inline constexpr std::uint64_t kNextProduct = 2;  // of a descriptor: 32 bytes on
inline constexpr std::uint64_t kNextRow = 8;      // a row on

__device__ inline void begin_products() { KISSA_HOPPER("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void commit_products() {
  KISSA_HOPPER("wgmma.commit_group.sync.aligned;" ::: "memory");
}
template <int kLater>
__device__ void wait_for_products() {
  KISSA_HOPPER("wgmma.wait_group.sync.aligned %0;" ::"n"(kLater) : "memory");
}
// Keeps the compiler from moving what reads the sums before the wait.
template <int kCount>
__device__ void settle(float (&sums)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+f"(sums[i])::"memory");
}

// A lane's share of the sums: [4 (column / 8) + 2 (row / 8) + column % 2] at row
// 16 warp + lane / 4 (+ 8) and column 8 j + lane % 4 * 2 (+ 1).
// T: halves or Tf32.
template <class T, int kColumns>
__device__ __forceinline__ void multiply_tiles(float (&sums)[kColumns / 2], std::uint64_t a,
                                               std::uint64_t b);
// The same of TF32 with a in registers, as mma.sync m16n8k8 has it: a warp has 16 rows. Where not
// `adds`, the sums start at 0.
template <int kColumns>
__device__ __forceinline__ void multiply_rows(float (&sums)[kColumns / 2], const uint4& a,
                                              std::uint64_t b, bool adds);

#define KISSA_P8 "%0,%1,%2,%3,%4,%5,%6,%7"
#define KISSA_P16 KISSA_P8 ",%8,%9,%10,%11,%12,%13,%14,%15"
#define KISSA_P24 KISSA_P16 ",%16,%17,%18,%19,%20,%21,%22,%23"
#define KISSA_P32 KISSA_P24 ",%24,%25,%26,%27,%28,%29,%30,%31"
#define KISSA_P40 KISSA_P32 ",%32,%33,%34,%35,%36,%37,%38,%39"
#define KISSA_P48 KISSA_P40 ",%40,%41,%42,%43,%44,%45,%46,%47"
#define KISSA_P56 KISSA_P48 ",%48,%49,%50,%51,%52,%53,%54,%55"
#define KISSA_P64 KISSA_P56 ",%56,%57,%58,%59,%60,%61,%62,%63"
#define KISSA_P72 KISSA_P64 ",%64,%65,%66,%67,%68,%69,%70,%71"
#define KISSA_P80 KISSA_P72 ",%72,%73,%74,%75,%76,%77,%78,%79"
#define KISSA_P88 KISSA_P80 ",%80,%81,%82,%83,%84,%85,%86,%87"
#define KISSA_P96 KISSA_P88 ",%88,%89,%90,%91,%92,%93,%94,%95"
#define KISSA_S8(i)                                                                          \
  "+f"(sums[i]), "+f"(sums[i + 1]), "+f"(sums[i + 2]), "+f"(sums[i + 3]), "+f"(sums[i + 4]), \
      "+f"(sums[i + 5]), "+f"(sums[i + 6]), "+f"(sums[i + 7])
#define KISSA_S16 KISSA_S8(0), KISSA_S8(8)
#define KISSA_S24 KISSA_S16, KISSA_S8(16)
#define KISSA_S32 KISSA_S24, KISSA_S8(24)
#define KISSA_S40 KISSA_S32, KISSA_S8(32)
#define KISSA_S48 KISSA_S40, KISSA_S8(40)
#define KISSA_S56 KISSA_S48, KISSA_S8(48)
#define KISSA_S64 KISSA_S56, KISSA_S8(56)
#define KISSA_S72 KISSA_S64, KISSA_S8(64)
#define KISSA_S80 KISSA_S72, KISSA_S8(72)
#define KISSA_S88 KISSA_S80, KISSA_S8(80)
#define KISSA_S96 KISSA_S88, KISSA_S8(88)
// `half`: columns / 2; then the numbers of the operands behind the sums.
#define KISSA_PRODUCT(columns, half, o0, o1, o2, o3, o4, o5)                                     \
  template <>                                                                                    \
  __device__ __forceinline__ void multiply_tiles<__half, columns>(                               \
      float(&sums)[half], std::uint64_t a, std::uint64_t b) {                                    \
    KISSA_HOPPER(                                                                                \
        "{\n.reg .pred adds;\nsetp.eq.b32 adds,0,0;\n"                                           \
        "wgmma.mma_async.sync.aligned.m64n" #columns "k16.f32.f16.f16 {" KISSA_P##half           \
        "},%" #o0 ",%" #o1 ",adds,1,1,0,0;\n}"                                                   \
        : KISSA_S##half                                                                          \
        : "l"(a), "l"(b));                                                                       \
  }                                                                                              \
  template <>                                                                                    \
  __device__ __forceinline__ void multiply_tiles<Tf32, columns>(                                 \
      float(&sums)[half], std::uint64_t a, std::uint64_t b) {                                    \
    KISSA_HOPPER(                                                                                \
        "{\n.reg .pred adds;\nsetp.eq.b32 adds,0,0;\n"                                           \
        "wgmma.mma_async.sync.aligned.m64n" #columns "k8.f32.tf32.tf32 {" KISSA_P##half          \
        "},%" #o0 ",%" #o1 ",adds,1,1;\n}"                                                       \
        : KISSA_S##half                                                                          \
        : "l"(a), "l"(b));                                                                       \
  }                                                                                              \
  template <>                                                                                    \
  __device__ __forceinline__ void multiply_rows<columns>(float(&sums)[half], const uint4& a,     \
                                                         std::uint64_t b, bool adds) {           \
    KISSA_HOPPER("{\n.reg .pred adds;\nsetp.ne.b32 adds,%" #o5                                   \
                 ",0;\n"                                                                         \
                 "wgmma.mma_async.sync.aligned.m64n" #columns "k8.f32.tf32.tf32 {" KISSA_P##half \
                 "},{%" #o0 ",%" #o1 ",%" #o2 ",%" #o3 "},%" #o4 ",adds,1,1;\n}"                 \
                 : KISSA_S##half                                                                 \
                 : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "l"(b),                               \
                   "r"(static_cast<std::uint32_t>(adds)));                                       \
  }
KISSA_PRODUCT(32, 16, 16, 17, 18, 19, 20, 21)
KISSA_PRODUCT(48, 24, 24, 25, 26, 27, 28, 29)
KISSA_PRODUCT(64, 32, 32, 33, 34, 35, 36, 37)
KISSA_PRODUCT(96, 48, 48, 49, 50, 51, 52, 53)
KISSA_PRODUCT(112, 56, 56, 57, 58, 59, 60, 61)
KISSA_PRODUCT(128, 64, 64, 65, 66, 67, 68, 69)
KISSA_PRODUCT(144, 72, 72, 73, 74, 75, 76, 77)
KISSA_PRODUCT(160, 80, 80, 81, 82, 83, 84, 85)
KISSA_PRODUCT(176, 88, 88, 89, 90, 91, 92, 93)
KISSA_PRODUCT(192, 96, 96, 97, 98, 99, 100, 101)
#undef KISSA_PRODUCT

// Four 8 x 8 tiles of halves as mma.sync has them; lane l gives the address of row l % 8 of tile
// l / 8.
__device__ inline void store_tiles(std::uint32_t to, const std::uint32_t (&words)[4]) {
  KISSA_HOPPER("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0],{%1,%2,%3,%4};" ::"r"(to),
               "r"(words[0]), "r"(words[1]), "r"(words[2]), "r"(words[3])
               : "memory");
}
__device__ inline void store_shared(std::uint32_t to, float a, float b) {
  asm volatile("st.shared.v2.f32 [%0],{%1,%2};" ::"r"(to), "f"(a), "f"(b) : "memory");
}

__device__ inline void store_shared(std::uint32_t to, std::uint32_t word) {
  asm volatile("st.shared.u32 [%0],%1;" ::"r"(to), "r"(word) : "memory");
}
__device__ inline void store_shared(std::uint32_t to, const uint4& words) {
  asm volatile("st.shared.v4.u32 [%0],{%1,%2,%3,%4};" ::"r"(to), "r"(words.x), "r"(words.y),
               "r"(words.z), "r"(words.w)
               : "memory");
}

// To global memory, where `stores`.
__device__ inline void store_global(std::uint64_t to, const uint4& words, bool stores) {
  asm volatile(
      "{\n.reg .pred stores;\nsetp.ne.b32 stores,%5,0;\n"
      "@stores st.global.v4.b32 [%0],{%1,%2,%3,%4};\n}" ::"l"(to),
      "r"(words.x), "r"(words.y), "r"(words.z), "r"(words.w),
      "r"(static_cast<std::uint32_t>(stores))
      : "memory");
}

__device__ inline float2 load_pair(std::uint32_t from) {
  float2 pair;
  asm volatile("ld.shared.v2.f32 {%0,%1},[%2];" : "=f"(pair.x), "=f"(pair.y) : "r"(from));
  return pair;
}

// Each lane of a quad has word j of its own row j; afterwards all of row `lane`.
__device__ __forceinline__ void transpose_quad(std::uint32_t (&words)[4], int lane) {
#pragma unroll
  for (int distance = 1; distance <= 2; distance *= 2) {
    const bool upper = (lane & distance) != 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if ((i & distance) != 0) continue;
      std::uint32_t& low = words[i];
      std::uint32_t& high = words[i + distance];
      const std::uint32_t got = __shfl_xor_sync(~0u, upper ? low : high, distance);
      (upper ? low : high) = got;
    }
  }
}

}  // namespace kissa::cuda
