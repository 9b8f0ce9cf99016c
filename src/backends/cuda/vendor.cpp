#include "backends/cuda/vendor.h"

#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <fmt/core.h>

#include <cstdlib>

namespace kissa::cuda {
namespace {

// The text that dlopen leaves.
std::string last_reason() {
  const char* reason = dlerror();
  return reason != nullptr ? reason : "unknown reason";
}

}  // namespace

VendorLibrary open_vendor(const char* variable, std::span<const char* const> names) {
  const char* given = std::getenv(variable);
  VendorLibrary result;
  result.is_named = given != nullptr && *given != '\0';
  if (result.is_named && std::string_view(given) == "off") {
    result.is_named = false;
    result.text = fmt::format("off: by {}", variable);
    return result;
  }
  const std::span<const char* const> wanted = result.is_named ? std::span(&given, 1) : names;
  for (const char* name : wanted) {
    result.handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    result.name = name;
    if (result.handle != nullptr) return result;
    if (result.text.empty()) result.text = fmt::format("none: {}", last_reason());
  }
  return result;
}

void* find_symbol(void* library, const char* name) { return dlsym(library, name); }
void close_vendor(void* library) { dlclose(library); }

OnDevice::OnDevice(int device) : before_(present_device()) { cudaSetDevice(device); }
OnDevice::~OnDevice() { cudaSetDevice(before_); }

int present_device() noexcept {
  int device = 0;
  cudaGetDevice(&device);
  return device;
}

}  // namespace kissa::cuda
