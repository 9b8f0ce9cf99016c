#include "backends/cudnn/library.h"

#include <dlfcn.h>
#include <fmt/core.h>

#include <cstdlib>
#include <string_view>

namespace kissa::cudnn {
namespace {

constexpr std::size_t kMajor = 9;

// The text that dlopen and dlsym leave.
std::string last_reason() {
  const char* reason = dlerror();
  return reason != nullptr ? reason : "unknown reason";
}

// Sets every function, or says in `missing` which there is not.
class Symbols {
 public:
  explicit Symbols(void* library) : library_(library) {}

  template <class Function>
  void take(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(dlsym(library_, name));
    if (function == nullptr && missing_.empty()) missing_ = name;
  }
  const std::string& missing() const { return missing_; }

 private:
  void* library_;
  std::string missing_;
};

// Gives the name of one that is missing, or nothing.
std::string fill(Api& api, void* library) {
  Symbols symbols(library);
  symbols.take(api.version, "cudnnGetVersion");
  symbols.take(api.text_of, "cudnnGetErrorString");
  symbols.take(api.create, "cudnnCreate");
  symbols.take(api.destroy, "cudnnDestroy");
  symbols.take(api.set_stream, "cudnnSetStream");
  symbols.take(api.create_tensor, "cudnnCreateTensorDescriptor");
  symbols.take(api.destroy_tensor, "cudnnDestroyTensorDescriptor");
  symbols.take(api.set_tensor, "cudnnSetTensor4dDescriptor");
  symbols.take(api.add_tensor, "cudnnAddTensor");
  symbols.take(api.create_filter, "cudnnCreateFilterDescriptor");
  symbols.take(api.destroy_filter, "cudnnDestroyFilterDescriptor");
  symbols.take(api.set_filter, "cudnnSetFilter4dDescriptor");
  symbols.take(api.create_conv, "cudnnCreateConvolutionDescriptor");
  symbols.take(api.destroy_conv, "cudnnDestroyConvolutionDescriptor");
  symbols.take(api.set_conv, "cudnnSetConvolution2dDescriptor");
  symbols.take(api.set_conv_groups, "cudnnSetConvolutionGroupCount");
  symbols.take(api.set_conv_math, "cudnnSetConvolutionMathType");
  symbols.take(api.find_conv, "cudnnFindConvolutionForwardAlgorithm");
  symbols.take(api.conv, "cudnnConvolutionForward");
  symbols.take(api.create_pool, "cudnnCreatePoolingDescriptor");
  symbols.take(api.destroy_pool, "cudnnDestroyPoolingDescriptor");
  symbols.take(api.set_pool, "cudnnSetPooling2dDescriptor");
  symbols.take(api.pool, "cudnnPoolingForward");
  symbols.take(api.create_lrn, "cudnnCreateLRNDescriptor");
  symbols.take(api.destroy_lrn, "cudnnDestroyLRNDescriptor");
  symbols.take(api.set_lrn, "cudnnSetLRNDescriptor");
  symbols.take(api.lrn, "cudnnLRNCrossChannelForward");
  symbols.take(api.create_activation, "cudnnCreateActivationDescriptor");
  symbols.take(api.destroy_activation, "cudnnDestroyActivationDescriptor");
  symbols.take(api.set_activation, "cudnnSetActivationDescriptor");
  symbols.take(api.activation, "cudnnActivationForward");
  symbols.take(api.softmax, "cudnnSoftmaxForward");
  return symbols.missing();
}

Library load() {
  const char* given = std::getenv("KISSA_CUDNN");
  Library result;
  result.is_named = given != nullptr && *given != '\0';
  const std::string name = result.is_named ? given : "libcudnn.so.9";
  if (result.is_named && name == "off") {
    result.is_named = false;
    result.text = "off: by KISSA_CUDNN";
    return result;
  }
  void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    result.text = fmt::format("none: {}", last_reason());
    return result;
  }
  const std::string missing = fill(result.api, handle);
  const std::size_t version = result.api.version != nullptr ? result.api.version() : 0;
  const std::string text =
      fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
  if (version / 10000 != kMajor)
    result.text = fmt::format("none: {} is not of version {}", name, kMajor);
  else if (!missing.empty())
    result.text = fmt::format("none: {} {} lacks {}", name, text, missing);
  else
    result.text = fmt::format("{} ({})", text, name);
  result.is_loaded = version / 10000 == kMajor && missing.empty();
  if (!result.is_loaded) {
    result.api = {};
    dlclose(handle);
  }
  return result;
}

}  // namespace

const Library& library() {
  static const Library kLibrary = load();
  return kLibrary;
}

}  // namespace kissa::cudnn
