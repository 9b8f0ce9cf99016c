#include "backends/registry.h"

#include <algorithm>
#include <charconv>

#include "backends/cpu/cpu.h"
#include "base/error.h"
#ifdef KISSA_HAS_CUDA
#include "backends/cublas/cublas.h"
#include "backends/cuda/cuda.h"
#include "backends/cudnn/cudnn.h"
#endif
#ifdef KISSA_HAS_ONEDNN
#include "backends/onednn/onednn.h"
#endif

namespace kissa {
namespace {

std::unique_ptr<Device> create_cpu(const DeviceOptions& options) {
  if (options.index != 0)
    fail(ErrorCode::kInvalidArgument, "there is no cpu:{}: the processors are one device, cpu",
         options.index);
  return cpu::create_device(options.threads);
}

TacticList cpu_tactics(Mode mode, Precision precision) {
#ifdef KISSA_HAS_ONEDNN
  return onednn::with_onednn(cpu::tactics(mode, precision), mode, precision);
#else
  return cpu::tactics(mode, precision);
#endif
}

#ifdef KISSA_HAS_CUDA
TacticList cuda_tactics(Mode mode, Precision precision) {
  const TacticList own = cublas::with_cublas(cuda::tactics(mode, precision), mode);
  return cudnn::with_cudnn(own, mode, precision);
}

std::vector<std::pair<std::string, std::string>> cuda_facts() {
  auto facts = cudnn::facts();
  for (auto& fact : cublas::facts()) facts.push_back(std::move(fact));
  return facts;
}
#endif

int parse_index(std::string_view text, std::string_view device) {
  int index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size() || index < 0)
    fail(ErrorCode::kInvalidArgument, "device '{}': '{}' is not a number of 0 or more", device,
         text);
  return index;
}

}  // namespace

std::span<const Backend> backends() {
  static const Backend kBackends[] = {
      {"cpu", create_cpu, cpu_tactics, nullptr},
#ifdef KISSA_HAS_CUDA
      {"cuda", cuda::create_device, cuda_tactics, cuda_facts},
#endif
  };
  return kBackends;
}

DeviceChoice find_device(std::string_view name) {
  const std::size_t colon = std::min(name.find(':'), name.size());
  std::string known;
  for (const Backend& backend : backends()) {
    if (backend.name == name.substr(0, colon))
      return {backend, colon == name.size() ? 0 : parse_index(name.substr(colon + 1), name)};
    known += (known.empty() ? "" : ", ") + std::string(backend.name);
  }
  fail(ErrorCode::kInvalidArgument, "no device '{}' in this build; there are: {}", name, known);
}

}  // namespace kissa
