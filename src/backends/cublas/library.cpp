#include "backends/cublas/library.h"

#include <fmt/core.h>

#include <array>

#include "backends/cuda/vendor.h"

namespace kissa::cublas {
namespace {

// Gives the name of one that is missing, or nothing.
std::string fill(Api& api, void* library) {
  cuda::Symbols symbols(library);
  symbols.take(api.text_of, "cublasGetStatusString");
  symbols.take(api.property, "cublasGetProperty");
  symbols.take(api.create, "cublasCreate_v2");
  symbols.take(api.destroy, "cublasDestroy_v2");
  symbols.take(api.set_stream, "cublasSetStream_v2");
  symbols.take(api.set_math, "cublasSetMathMode");
  symbols.take(api.gemm, "cublasSgemmStridedBatched");
  return symbols.missing();
}

Library load() {
  constexpr std::array kNames = {"libcublas.so.13", "libcublas.so.12"};
  const cuda::VendorLibrary opened = cuda::open_vendor("KISSA_CUBLAS", kNames);
  Library result;
  result.is_named = opened.is_named;
  result.text = opened.text;
  if (opened.handle == nullptr) return result;
  const std::string missing = fill(result.api, opened.handle);
  std::array<int, 3> version = {};
  if (result.api.property != nullptr)
    for (const auto part : {Property::kMajor, Property::kMinor, Property::kPatch})
      result.api.property(part, &version[static_cast<std::size_t>(part)]);
  result.is_loaded = missing.empty() && (version[0] == 12 || version[0] == 13);
  if (result.is_loaded)
    result.text = fmt::format("{}.{}.{} ({})", version[0], version[1], version[2], opened.name);
  else if (!missing.empty())
    result.text = fmt::format("none: {} lacks {}", opened.name, missing);
  else
    result.text = fmt::format("none: {} is not of version 12 or 13", opened.name);
  if (!result.is_loaded) {
    result.api = {};
    cuda::close_vendor(opened.handle);
  }
  return result;
}

}  // namespace

const Library& library() {
  static const Library kLibrary = load();
  return kLibrary;
}

}  // namespace kissa::cublas
