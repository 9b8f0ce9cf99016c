#include "backends/registry.h"

#include <array>

#include "backends/cpu/cpu.h"
#include "base/error.h"

namespace kissa {

std::span<const Backend> backends() {
  static const std::array<Backend, 1> kBackends = {{{"cpu", cpu::create_device, cpu::tactics}}};
  return kBackends;
}

const Backend& find_backend(std::string_view name) {
  std::string known;
  for (const Backend& backend : backends()) {
    if (backend.name == name) return backend;
    known += (known.empty() ? "" : ", ") + std::string(backend.name);
  }
  fail(ErrorCode::kInvalidArgument, "no device '{}' in this build; there are: {}", name, known);
}

}  // namespace kissa
