#include "backends/cudnn/library.h"

#include <fmt/core.h>

#include <array>

#include "backends/cuda/vendor.h"

namespace kissa::cudnn {
namespace {

constexpr std::size_t kMajor = 9;

// Gives the name of one that is missing, or nothing.
std::string fill(Api& api, void* library) {
  cuda::Symbols symbols(library);
  symbols.take(api.version, "cudnnGetVersion");
  symbols.take(api.text_of, "cudnnGetErrorString");
  symbols.take(api.create, "cudnnCreate");
  symbols.take(api.destroy, "cudnnDestroy");
  symbols.take(api.set_stream, "cudnnSetStream");
  symbols.take(api.create_tensor, "cudnnCreateTensorDescriptor");
  symbols.take(api.destroy_tensor, "cudnnDestroyTensorDescriptor");
  symbols.take(api.set_tensor, "cudnnSetTensor4dDescriptorEx");
  symbols.take(api.add_tensor, "cudnnAddTensor");
  symbols.take(api.create_filter, "cudnnCreateFilterDescriptor");
  symbols.take(api.destroy_filter, "cudnnDestroyFilterDescriptor");
  symbols.take(api.set_filter, "cudnnSetFilter4dDescriptor");
  symbols.take(api.create_conv, "cudnnCreateConvolutionDescriptor");
  symbols.take(api.destroy_conv, "cudnnDestroyConvolutionDescriptor");
  symbols.take(api.set_conv, "cudnnSetConvolution2dDescriptor");
  symbols.take(api.set_conv_groups, "cudnnSetConvolutionGroupCount");
  symbols.take(api.set_conv_math, "cudnnSetConvolutionMathType");
  symbols.take(api.conv_workspace, "cudnnGetConvolutionForwardWorkspaceSize");
  symbols.take(api.conv, "cudnnConvolutionForward");
  symbols.take(api.fused_conv, "cudnnConvolutionBiasActivationForward");
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
  constexpr std::array kNames = {"libcudnn.so.9"};
  const cuda::VendorLibrary opened = cuda::open_vendor("KISSA_CUDNN", kNames);
  Library result;
  result.is_named = opened.is_named;
  result.text = opened.text;
  if (opened.handle == nullptr) return result;
  const std::string& name = opened.name;
  const std::string missing = fill(result.api, opened.handle);
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
    cuda::close_vendor(opened.handle);
  }
  return result;
}

}  // namespace

const Library& library() {
  static const Library kLibrary = load();
  return kLibrary;
}

}  // namespace kissa::cudnn
