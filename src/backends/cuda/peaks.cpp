#include "backends/cuda/peaks.h"

#include <fmt/core.h>

#include <algorithm>

#include "backends/cuda/kernels/peak.h"
#include "backends/cuda/stream.h"

namespace kissa::cuda {
namespace {

constexpr int kTries = 5;

int attribute(int index, cudaDeviceAttr name) {
  int value = 0;
  if (cudaDeviceGetAttribute(&value, name, index) == cudaSuccess) return value;
  cudaGetLastError();
  return 0;
}

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

// Operations a clock of one multiprocessor, without sparsity, by the tables of NVIDIA's CUDA
// programming guide and architecture papers; 0: not known.
struct Operations {
  double fp32 = 0, tf32 = 0, fp16 = 0, int8 = 0;
};
Operations operations_of(int major, int minor) {
  if (major == 7) return {128, 0, 1024, minor == 5 ? 2048.0 : 0.0};
  if (major == 8 && minor == 0) return {128, 1024, 2048, 4096};
  if (major == 8) return {256, 512, 1024, 2048};
  if (major == 9) return {256, 2048, 4096, 8192};
  return {};
}

// The shortest of some tries, in seconds, after one that warms up.
template <class Work>
double best_seconds(Stream& stream, Work&& work) {
  const auto begin = stream.create_event();
  const auto end = stream.create_event();
  double best = 1e30;
  for (int attempt = 0; attempt <= kTries; ++attempt) {
    stream.mark(*begin);
    work();
    stream.mark(*end);
    stream.synchronize();
    if (attempt > 0) best = std::min(best, stream.microseconds_between(*begin, *end) * 1e-6);
  }
  return best;
}

double gflops(PeakKind kind, int blocks, Stream& stream, float* sink) {
  constexpr int kRounds = 20000;
  double operations = 0;
  const double seconds = best_seconds(stream, [&] {
    operations = launch_peak(kind, blocks, kRounds, sink, handle_of(stream));
    check(cudaGetLastError(), "measuring a GPU's peak");
  });
  return operations / seconds * 1e-9;
}

double bandwidth(Device& device, Stream& stream) {
  const std::int64_t bytes =
      std::min<std::int64_t>(std::int64_t{1} << 30, device.available_memory() / 4);
  const auto src = device.allocate(bytes);
  const auto dst = device.allocate(bytes);
  const double seconds =
      best_seconds(stream, [&] { stream.copy(dst->data(), src->data(), bytes); });
  return 2e-9 * static_cast<double>(bytes) / seconds;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> facts_of(int index) {
  int driver = 0;
  int runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  return {
      {"driver", "CUDA " + version_text(driver)},
      {"cuda", version_text(runtime)},
      {"clock", fmt::format("{} MHz", attribute(index, cudaDevAttrClockRate) / 1000)},
      {"L2 cache", fmt::format("{} KiB", attribute(index, cudaDevAttrL2CacheSize) / 1024)},
      {"memory bus", fmt::format("{} bits", attribute(index, cudaDevAttrGlobalMemoryBusWidth))}};
}

DevicePeaks measure_peaks(int index, Device& device) {
  const int major = attribute(index, cudaDevAttrComputeCapabilityMajor);
  const int minor = attribute(index, cudaDevAttrComputeCapabilityMinor);
  const Operations operations = operations_of(major, minor);
  const double clocks = 1e-6 * attribute(index, cudaDevAttrClockRate) * device.units();
  const int blocks = 8 * device.units();
  const auto stream = device.create_stream();
  const auto sink = device.allocate(sizeof(float));
  const auto measure = [&](PeakKind kind) {
    return gflops(kind, blocks, *stream, static_cast<float*>(sink->data()));
  };
  DevicePeaks peaks;
  peaks.rates.push_back({Precision::kFp32, measure(PeakKind::kFp32), clocks * operations.fp32});
  if (major >= 8) {
    peaks.rates.push_back({Precision::kTf32, measure(PeakKind::kTf32), clocks * operations.tf32});
    peaks.rates.push_back({Precision::kFp16, measure(PeakKind::kFp16), clocks * operations.fp16});
    peaks.rates.push_back({Precision::kBf16, measure(PeakKind::kBf16), clocks * operations.fp16});
    peaks.rates.push_back({Precision::kInt8, measure(PeakKind::kInt8), clocks * operations.int8});
  }
  peaks.bandwidth = bandwidth(device, *stream);
  // Two transfers a clock of the memory.
  peaks.nominal_bandwidth = 2e-6 * attribute(index, cudaDevAttrMemoryClockRate) *
                            attribute(index, cudaDevAttrGlobalMemoryBusWidth) / 8;
  return peaks;
}

}  // namespace kissa::cuda
