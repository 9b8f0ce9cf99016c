#include "backends/cuda/kernels/wide_stage.h"

#include <cudaTypedefs.h>

#include <algorithm>
#include <array>

#include "backends/cuda/kernels/wide_stage.cuh"

namespace kissa::cuda {
namespace {

PFN_cuTensorMapEncodeIm2col_v12000 find_encoder() {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result = {};
  const cudaError_t status = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeIm2col", &found,
                                                              12000, cudaEnableDefault, &result);
  if (status != cudaSuccess || result != cudaDriverEntryPointSuccess) {
    cudaGetLastError();
    return nullptr;
  }
  return reinterpret_cast<PFN_cuTensorMapEncodeIm2col_v12000>(found);
}

PFN_cuTensorMapEncodeIm2col_v12000 encoder() {
  static const PFN_cuTensorMapEncodeIm2col_v12000 kEncoder = find_encoder();
  return kEncoder;
}

int device_attribute(cudaDeviceAttr attribute) {
  int device = 0;
  int value = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&value, attribute, device);
  return value;
}

int tiles_of(const WideProduct& product, int blocks) {
  const int rows = blocks * kWideRows;
  const int down = (product.pixel_count + rows - 1) / rows;
  return down * ((product.columns + product.tile_columns - 1) / product.tile_columns);
}

int tiles_of(const WidePool& pool) {
  return static_cast<int>((pool_items(pool) + kPoolThreads - 1) / kPoolThreads);
}

WideKernel kernel_of(const WideStage& stage, int blocks) {
  switch (stage.number) {
    case Number::kF16: return f16_wide_kernel(blocks);
    case Number::kTf32: return tf32_wide_kernel(blocks);
    case Number::kF32: return f32_wide_kernel(stage.products[0].tile_columns);
  }
  return nullptr;
}

}  // namespace

std::span<const int> wide_columns(Number number) {
  static constexpr std::array kOfOneProduct = {32, 48, 64, 96, 112, 128, 144, 160, 176, 192};
  static constexpr std::array kOfThree = {64, 96, 112, 128};
  return number == Number::kF32 ? std::span<const int>(kOfThree)
                                : std::span<const int>(kOfOneProduct);
}

bool has_wide_stage() {
  return device_attribute(cudaDevAttrComputeCapabilityMajor) == 9 && encoder() != nullptr;
}

void encode_pixels(WideProduct& product, const PixelBox& box) {
  const auto wide = [](int value) { return static_cast<cuuint64_t>(value); };
  const cuuint64_t pixel_bytes = wide(box.pixel_stride * bytes_of(box.number));
  const cuuint64_t sizes[] = {wide(box.channels), wide(box.width), wide(box.height),
                              wide(box.images)};
  const cuuint64_t strides[] = {pixel_bytes, pixel_bytes * wide(box.width),
                                pixel_bytes * wide(box.width) * wide(box.height)};
  // The first tap's pixels: from -pad on, as many as there are results.
  const int lower[] = {-product.pad_x, -product.pad_y};
  const int upper[] = {(product.out_width - 1) * product.stride + 1 - product.pad_x - box.width,
                       (product.out_height - 1) * product.stride + 1 - product.pad_y - box.height};
  const auto stride = static_cast<cuuint32_t>(product.stride);
  const cuuint32_t steps[] = {1, stride, stride, 1};
  const CUtensorMapDataType type = box.number == Number::kF16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16
                                                              : CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  const auto row_channels = static_cast<cuuint32_t>(kRowBytes / bytes_of(box.number));
  encoder()(&product.pixels, type, 4, const_cast<void*>(box.data), sizes, strides, lower, upper,
            row_channels, static_cast<cuuint32_t>(box.rows), steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
            CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
            CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
}

void prepare_wide_stage(const WideStage& stage, int blocks) {
  cudaFuncSetAttribute(kernel_of(stage, blocks), cudaFuncAttributeMaxDynamicSharedMemorySize,
                       kWideSharedBytes);
}

void launch_wide_stage(const WideStage& shape, int blocks, cudaStream_t stream) {
  WideStage stage = shape;
  int widest = 0;
  int tiles = 0;
  int task = 0;
  for (int i = 0; i < stage.product_count; ++i) {
    stage.first_tile[task++] = tiles;
    tiles += tiles_of(stage.products[i], blocks);
    widest = std::max(widest, stage.products[i].tile_columns);
  }
  for (int i = 0; i < stage.pool_count; ++i) {
    stage.first_tile[task++] = tiles;
    tiles += tiles_of(stage.pools[i]);
  }
  stage.first_tile[task] = tiles;
  // Pools read what products read: close in time, from the cache. Otherwise long tiles go first.
  stage.rounds_log2 = stage.pool_count > 0 ? 4 : 0;
  stage.slot_bytes =
      (blocks * kWideRows + wide_weights(stage.number) * widest + 7) / 8 * 8 * kRowBytes;
  stage.ring_slots = std::min(kMaxSlots, kRingBytes / kAlign * kAlign / stage.slot_bytes);
  const int grid = std::min(tiles, device_attribute(cudaDevAttrMultiProcessorCount));
  launch_early(kernel_of(stage, blocks), stage, dim3(static_cast<unsigned>(grid)), kWideThreads,
               kWideSharedBytes, stream);
}

}  // namespace kissa::cuda
