#include "backends/cpu/isa.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "base/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace kissa::cpu {
namespace {

#if defined(__aarch64__)
constexpr std::string_view kBaselineName = "neon";
#else
constexpr std::string_view kBaselineName = "baseline";
#endif
constexpr std::array<std::string_view, 6> kNames = {kBaselineName, "avx2",        "avx512",
                                                    "avx512_bf16", "avx512_fp16", "amx"};

#if defined(__x86_64__)

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf) {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

bool has(unsigned word, std::initializer_list<int> bits) {
  return std::all_of(bits.begin(), bits.end(), [&](int bit) { return (word >> bit & 1u) != 0; });
}

// XCR0: the register files that the operating system saves.
unsigned saved_state() {
  if (!has(cpuid(1, 0).ecx, {27})) return 0;  // OSXSAVE
  unsigned low = 0;
  unsigned high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

// Linux gives a process tiles only after it has asked for them.
bool ask_for_tiles() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

// Bit numbers: Intel's Software Developer's Manual, volume 2, CPUID.
Isa detect() {
  const Registers one = cpuid(1, 0);
  const Registers seven = cpuid(7, 0);
  const unsigned state = saved_state();
  if (!has(one.ecx, {12, 28, 29}) || !has(seven.ebx, {5}) || !has(state, {1, 2}))
    return Isa::kBaseline;
  if (!has(seven.ebx, {16, 17, 30, 31}) || !has(state, {5, 6, 7})) return Isa::kAvx2;
  if (!has(cpuid(7, 1).eax, {5})) return Isa::kAvx512;
  if (!has(seven.edx, {23})) return Isa::kAvx512Bf16;
  if (!has(seven.edx, {22, 24, 25}) || !has(state, {17, 18}) || !ask_for_tiles())
    return Isa::kAvx512Fp16;
  return Isa::kAmx;
}

#else

Isa detect() { return Isa::kBaseline; }

#endif

constexpr const Kernels* kTables[] = {
#if defined(__x86_64__)
    &kAvx512Kernels,
    &kAvx2Kernels,
#endif
    &kBaselineKernels,
};

}  // namespace

std::string_view to_string(Isa isa) noexcept { return kNames[static_cast<std::size_t>(isa)]; }

Isa parse_isa(std::string_view text) {
  const auto it = std::find(kNames.begin(), kNames.end(), text);
  if (it != kNames.end()) return static_cast<Isa>(it - kNames.begin());
  std::string known;
  for (const std::string_view name : kNames)
    known += (known.empty() ? "" : ", ") + std::string(name);
  fail(ErrorCode::kInvalidArgument, "unknown instruction set '{}'; there are: {}", text, known);
}

Isa host_isa() {
  static const Isa kHost = detect();
  return kHost;
}

Isa usable_isa() {
  const char* text = std::getenv("KISSA_MAX_ISA");
  if (text == nullptr) return host_isa();
  return with_context([] { return std::string("environment variable KISSA_MAX_ISA"); },
                      [&] { return std::min(parse_isa(text), host_isa()); });
}

std::span<const Kernels* const> kernels_up_to(Isa isa) {
  const std::span<const Kernels* const> all(kTables);
  const std::size_t wanted = std::min(static_cast<std::size_t>(isa) + 1, all.size());
  return all.last(wanted);
}

std::span<const Bf16Kernels* const> bf16_kernels_up_to(Isa isa) {
#if defined(__x86_64__)
  static constexpr const Bf16Kernels* kBf16Tables[] = {&kAmxKernels, &kAvx512Bf16Kernels};
  if (isa >= Isa::kAmx) return kBf16Tables;
  if (isa >= Isa::kAvx512Bf16) return std::span(kBf16Tables).last(1);
#endif
  static_cast<void>(isa);
  return {};
}

}  // namespace kissa::cpu
