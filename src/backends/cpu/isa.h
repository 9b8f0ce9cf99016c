// Which instruction sets this process may use, and the kernels that were compiled for them.
#pragma once

#include <span>
#include <string_view>

#include "backends/cpu/kernels/bf16.h"
#include "backends/cpu/kernels/kernels.h"

namespace kissa::cpu {

// Each level includes those before it.
enum class Isa {
  kBaseline,  // SSE2 on x86-64, NEON on aarch64: what every such machine has
  kAvx2,      // with FMA and F16C
  kAvx512,    // F, BW, DQ, VL
  kAvx512Bf16,
  kAvx512Fp16,
  kAmx,  // tiles of BF16 and INT8; needs Linux's permission, which host_isa() asks for
};

std::string_view to_string(Isa isa) noexcept;  // "baseline" ("neon" on aarch64), "avx2", ...
Isa parse_isa(std::string_view text);          // throws kInvalidArgument with what there is

// The highest level that the processor and the operating system offer.
Isa host_isa();

// host_isa(), or what the environment variable KISSA_MAX_ISA names where that is lower. Throws
// kInvalidArgument where it names no level.
Isa usable_isa();

// The FP32 kernels of all levels up to `isa`, best first.
std::span<const Kernels* const> kernels_up_to(Isa isa);

// The BF16 kernels of all levels up to `isa`, best first; none on most machines.
std::span<const Bf16Kernels* const> bf16_kernels_up_to(Isa isa);

}  // namespace kissa::cpu
