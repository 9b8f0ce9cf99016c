// What the processors can do at most, measured on all threads of a pool at once.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include "backends/cpu/cpu.h"
#include "backends/cpu/isa.h"

namespace kissa::cpu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kSlice = 0.02;  // seconds a try
constexpr int kTries = 8;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The most units a second that `work(thread)`, which does `units` of them, reaches on all threads.
template <class Work>
double best_rate(ThreadPool& pool, double units, Work&& work) {
  const int threads = pool.threads();
  int repeats = 1;
  double best = 0;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const auto start = Clock::now();
    pool.run(threads, [&](int task, int) {
      for (int i = 0; i < repeats; ++i) work(task);
    });
    const double seconds = seconds_since(start);
    best = std::max(best, units * repeats * threads / seconds);
    if (seconds < kSlice) {
      repeats = std::min(repeats * 4, 1 << 24);
      --attempt;
    }
  }
  return best;
}

double fp32_gflops(ThreadPool& pool, const Kernels& kernels) {
  constexpr long kRounds = 10000;
  const double flops = 2.0 * kPeakVecs * kRounds * kernels.lanes;
  return best_rate(pool, flops * 1e-9, [&](int) {
    volatile float kept = kernels.peak(kRounds);
    static_cast<void>(kept);
  });
}

// A 1x1 convolution whose pixels and weights stay in the caches next to the core.
double bf16_gflops(ThreadPool& pool, const Bf16Kernels& kernels) {
  constexpr int kPixels = 64, kPairs = 128, kBlocks = kPairs / 16, kOutputs = 32;
  struct alignas(64) Data {
    float src[kBlocks * kPixels * 16] = {};
    float weight[kPairs * kOutputs] = {};
    float bias[kOutputs] = {};
    float dst[2][kPixels * 16] = {};
  };
  std::vector<std::unique_ptr<Data>> data(static_cast<std::size_t>(pool.threads()));
  for (std::unique_ptr<Data>& each : data) each = std::make_unique<Data>();
  const double flops = 2.0 * 2 * kPairs * kPixels * kOutputs;
  return best_rate(pool, flops * 1e-9, [&](int task) {
    Data& own = *data[static_cast<std::size_t>(task)];
    const long tap_offset = 0;
    HalfBlock outputs[2] = {};
    for (int half = 0; half < 2; ++half) {
      outputs[half].dst = own.dst[half];
      outputs[half].high = 1;
    }
    kernels.flat[1]({.src = own.src,
                     .src_stride = kPixels * 16,
                     .tap_offset = &tap_offset,
                     .taps = 1,
                     .pairs = kPairs,
                     .weight = own.weight,
                     .bias = own.bias,
                     .outputs = outputs,
                     .pixels = kPixels,
                     .pitch = kPixels,
                     .width = kPixels,
                     .prefetch = nullptr,
                     .prefetch_lines = 0});
  });
}

// Copies of parts that no cache holds.
double bandwidth_gbs(ThreadPool& pool) {
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  const auto part = kBytes / static_cast<std::size_t>(pool.threads()) / 64 * 64;
  std::vector<char> src(kBytes, 1), dst(kBytes, 0);
  return best_rate(pool, 2e-9 * static_cast<double>(part), [&](int task) {
    const std::size_t at = static_cast<std::size_t>(task) * part;
    std::memcpy(dst.data() + at, src.data() + at, part);
  });
}

double clock_ghz() {
  std::ifstream scaling("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq");
  if (double khz = 0; scaling >> khz) return khz * 1e-6;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("cpu MHz", 0) == 0 && line.find(": ") != std::string::npos)
      return std::strtod(line.c_str() + line.find(": ") + 2, nullptr) * 1e-3;
  return 0;
}

// Operations a clock of one core with two units for products, in FP32 and BF16; 0: not known.
double fp32_operations(Isa isa) {
  if (isa >= Isa::kAvx512) return 64;
  return isa >= Isa::kAvx2 ? 32 : 8;
}
double bf16_operations(Isa isa) {
  if (isa >= Isa::kAmx) return 2048;
  return isa >= Isa::kAvx512Bf16 ? 128 : 0;
}

}  // namespace

DevicePeaks measure_peaks(int threads) {
  const Isa isa = usable_isa();
  ThreadPool pool(threads);
  const double clocks = clock_ghz() * threads;
  DevicePeaks peaks;
  peaks.rates.push_back({Precision::kFp32, fp32_gflops(pool, *kernels_up_to(isa).front()),
                         clocks * fp32_operations(isa)});
  if (const auto bf16 = bf16_kernels_up_to(isa); !bf16.empty())
    peaks.rates.push_back(
        {Precision::kBf16, bf16_gflops(pool, *bf16.front()), clocks * bf16_operations(isa)});
  peaks.bandwidth = bandwidth_gbs(pool);
  return peaks;
}

}  // namespace kissa::cpu
