// What Kissa calls of cuBLAS's C interface, of version 12 or 13, declared here so that no header of
// cuBLAS's is needed to build; and the library, looked for when it is first asked about. Values and
// signatures: https://docs.nvidia.com/cuda/cublas.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace kissa::cublas {

using Handle = struct HandleContent*;

// Enumerations of C: as wide as int.
enum class Status : int { kSuccess = 0, kNotInitialized = 1 };
enum class Operation : int { kNone = 0, kTransposed = 1 };
enum class Math : int { kPedantic = 2 };  // FP32 throughout
enum class Property : int { kMajor = 0, kMinor = 1, kPatch = 2 };

// Matrices lie column by column; factors (alpha, beta) on the host.
struct Api {
  const char* (*text_of)(Status);
  Status (*property)(Property, int*);
  Status (*create)(Handle*);
  Status (*destroy)(Handle);
  Status (*set_stream)(Handle, cudaStream_t);
  Status (*set_math)(Handle, Math);
  // c (m x n) = alpha op(a) (m x k) op(b) (k x n) + beta c, `batch` times.
  Status (*gemm)(Handle, Operation of_a, Operation of_b, int m, int n, int k, const float* alpha,
                 const float* a, int lda, long long stride_a, const float* b, int ldb,
                 long long stride_b, const float* beta, float* c, int ldc, long long stride_c,
                 int batch);
};

struct Library {
  bool is_loaded = false;
  bool is_named = false;  // by KISSA_CUBLAS
  std::string text;       // its version and name, or why there is none
  Api api = {};           // all null where it is not loaded
};

// Where the environment variable KISSA_CUBLAS says ("off": nowhere), or where the system's loader
// finds libcublas.so.13 or libcublas.so.12. Stays loaded.
const Library& library();

}  // namespace kissa::cublas
