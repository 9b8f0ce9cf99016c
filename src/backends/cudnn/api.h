// What Kissa calls of cuDNN 9's C interface, declared here so that no header of cuDNN's is needed
// to build. Values and signatures: https://docs.nvidia.com/deeplearning/cudnn (API reference).
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace kissa::cudnn {

using Handle = struct HandleContent*;
using TensorDescriptor = struct TensorContent*;
using FilterDescriptor = struct FilterContent*;
using ConvDescriptor = struct ConvContent*;
using PoolDescriptor = struct PoolContent*;
using LrnDescriptor = struct LrnContent*;
using ActivationDescriptor = struct ActivationContent*;

// Enumerations of C: as wide as int.
enum class Status : int { kSuccess = 0, kNotInitialized = 1001 };
enum class DataKind : int { kFloat = 0, kHalf = 2 };
enum class TensorFormat : int { kNchw = 0, kNhwc = 1 };
enum class ConvMode : int { kCrossCorrelation = 1 };
enum class ConvAlgorithm : int {
  kImplicitGemm = 0,
  kPrecomputedGemm = 1,
  kGemm = 2,
  kFft = 4,
  kFftTiling = 5,
  kWinograd = 6,
  kWinogradNonfused = 7,
};
// kDefault: TF32 where the GPU has it; kTensorCores: FP16 by them; kFma: none.
enum class Math : int { kDefault = 0, kTensorCores = 1, kFma = 3 };
enum class NanPropagation : int { kNo = 0, kYes = 1 };
enum class PoolMode : int { kMax = 0, kAveragePadded = 1, kAverageUnpadded = 2 };
enum class LrnMode : int { kAcrossChannels = 0 };
enum class SoftmaxAlgorithm : int { kAccurate = 1 };
enum class SoftmaxMode : int { kChannel = 1 };
enum class ActivationMode : int { kSigmoid = 0, kRelu = 1, kTanH = 2, kIdentity = 5 };

// The functions; factors (alpha, beta) lie on the host: y = alpha f(x) + beta y.
struct Api {
  std::size_t (*version)();
  const char* (*text_of)(Status);
  Status (*create)(Handle*);
  Status (*destroy)(Handle);
  Status (*set_stream)(Handle, cudaStream_t);

  Status (*create_tensor)(TensorDescriptor*);
  Status (*destroy_tensor)(TensorDescriptor);
  Status (*set_tensor)(TensorDescriptor, DataKind, int n, int c, int h, int w, int n_stride,
                       int c_stride, int h_stride, int w_stride);
  Status (*add_tensor)(Handle, const void* alpha, TensorDescriptor, const void* a, const void* beta,
                       TensorDescriptor, void* y);

  Status (*create_filter)(FilterDescriptor*);
  Status (*destroy_filter)(FilterDescriptor);
  Status (*set_filter)(FilterDescriptor, DataKind, TensorFormat, int k, int c, int r, int s);
  Status (*create_conv)(ConvDescriptor*);
  Status (*destroy_conv)(ConvDescriptor);
  Status (*set_conv)(ConvDescriptor, int pad_h, int pad_w, int stride_h, int stride_w,
                     int dilation_h, int dilation_w, ConvMode, DataKind);
  Status (*set_conv_groups)(ConvDescriptor, int groups);
  Status (*set_conv_math)(ConvDescriptor, Math);
  Status (*conv_workspace)(Handle, TensorDescriptor x, FilterDescriptor, ConvDescriptor,
                           TensorDescriptor y, ConvAlgorithm, std::size_t* bytes);
  Status (*conv)(Handle, const void* alpha, TensorDescriptor, const void* x, FilterDescriptor,
                 const void* w, ConvDescriptor, ConvAlgorithm, void* workspace, std::size_t bytes,
                 const void* beta, TensorDescriptor, void* y);
  // y = activation(alpha f(x) + beta z + bias); the identity only by kPrecomputedGemm.
  Status (*fused_conv)(Handle, const void* alpha, TensorDescriptor, const void* x, FilterDescriptor,
                       const void* w, ConvDescriptor, ConvAlgorithm, void* workspace,
                       std::size_t bytes, const void* beta, TensorDescriptor, const void* z,
                       TensorDescriptor, const void* bias, ActivationDescriptor, TensorDescriptor,
                       void* y);

  Status (*create_pool)(PoolDescriptor*);
  Status (*destroy_pool)(PoolDescriptor);
  Status (*set_pool)(PoolDescriptor, PoolMode, NanPropagation, int kernel_h, int kernel_w,
                     int pad_h, int pad_w, int stride_h, int stride_w);
  Status (*pool)(Handle, PoolDescriptor, const void* alpha, TensorDescriptor, const void* x,
                 const void* beta, TensorDescriptor, void* y);

  Status (*create_lrn)(LrnDescriptor*);
  Status (*destroy_lrn)(LrnDescriptor);
  Status (*set_lrn)(LrnDescriptor, unsigned size, double alpha, double beta, double k);
  Status (*lrn)(Handle, LrnDescriptor, LrnMode, const void* alpha, TensorDescriptor, const void* x,
                const void* beta, TensorDescriptor, void* y);

  Status (*create_activation)(ActivationDescriptor*);
  Status (*destroy_activation)(ActivationDescriptor);
  Status (*set_activation)(ActivationDescriptor, ActivationMode, NanPropagation, double);
  Status (*activation)(Handle, ActivationDescriptor, const void* alpha, TensorDescriptor,
                       const void* x, const void* beta, TensorDescriptor, void* y);

  Status (*softmax)(Handle, SoftmaxAlgorithm, SoftmaxMode, const void* alpha, TensorDescriptor,
                    const void* x, const void* beta, TensorDescriptor, void* y);
};

}  // namespace kissa::cudnn
