#include "backends/cublas/product.h"

#include "backends/cuda/vendor.h"
#include "base/log.h"

namespace kissa::cublas {
namespace {

constexpr cuda::HandleCalls<Handle> kCalls = {
    .create = [](int device) -> Handle {
      Handle handle = nullptr;
      Status status = library().api.create(&handle);
      if (status == Status::kSuccess) {
        status = library().api.set_math(handle, Math::kPedantic);
        if (status == Status::kSuccess) return handle;
        library().api.destroy(handle);
      }
      log(LogLevel::kWarning, "cuBLAS: cannot start on cuda:{}: {}", device,
          library().api.text_of(status));
      return nullptr;
    },
    .destroy = [](Handle handle) { library().api.destroy(handle); },
    .set_stream =
        [](Handle handle, cudaStream_t stream) {
          return library().api.set_stream(handle, stream) == Status::kSuccess;
        }};

// Rows of a row-major matrix are columns to cuBLAS: c' = b' a'.
Status run(Handle handle, const cuda::GemmShape& s, const Call& call, const float* a,
           const float* b, float* c) {
  const float one = 1.0f;
  const float zero = 0.0f;
  const auto n = static_cast<int>(s.n);
  const auto k = static_cast<int>(s.k);
  return library().api.gemm(handle, s.b_transposed ? Operation::kTransposed : Operation::kNone,
                            Operation::kNone, n, static_cast<int>(s.m), k, &one, b + call.b,
                            s.b_transposed ? k : n, call.b_stride, a + call.a, k, call.a_stride,
                            &zero, c + call.c, n, call.c_stride, static_cast<int>(call.batch));
}

}  // namespace

std::vector<Call> calls_of(const cuda::GemmShape& s) {
  const std::int64_t rounds = s.batch / s.a_period;  // of all of a
  std::vector<Call> calls;
  if (rounds < s.a_period) {
    for (std::int64_t i = 0; i < rounds; ++i)
      calls.push_back({.b = i * s.a_period * s.b_stride,
                       .c = i * s.a_period * s.c_stride,
                       .a_stride = s.a_stride,
                       .b_stride = s.b_stride,
                       .c_stride = s.c_stride,
                       .batch = s.a_period});
  } else {
    for (std::int64_t i = 0; i < s.a_period; ++i)
      calls.push_back({.a = i * s.a_stride,
                       .b = i * s.b_stride,
                       .c = i * s.c_stride,
                       .b_stride = s.a_period * s.b_stride,
                       .c_stride = s.a_period * s.c_stride,
                       .batch = rounds});
  }
  return calls;
}

void run_gemm(const cuda::GemmShape& shape, const float* a, const float* b, float* c,
              cudaStream_t stream) {
  const Handle handle = cuda::vendor_handle(kCalls, stream);
  Status status = handle != nullptr ? Status::kSuccess : Status::kNotInitialized;
  for (const Call& call : calls_of(shape))
    if (status == Status::kSuccess) status = run(handle, shape, call, a, b, c);
  if (status == Status::kSuccess) return;
  log(LogLevel::kWarning, "cuBLAS: {}", library().api.text_of(status));
  const std::int64_t count = shape.batch * shape.m * shape.n;  // products of c lie side by side
  cudaMemsetAsync(c, 0xff, static_cast<std::size_t>(count) * sizeof(float), stream);
}

}  // namespace kissa::cublas
