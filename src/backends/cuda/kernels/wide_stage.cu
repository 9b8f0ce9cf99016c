#include "backends/cuda/kernels/wide_stage.h"

#include <cudaTypedefs.h>

#include <algorithm>
#include <array>

#include "backends/cuda/kernels/wide_stage.cuh"

namespace kissa::cuda {
namespace {

// A function of the driver; null where it is too old.
template <class Function>
Function find_function(const char* name) {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result = {};
  const cudaError_t status =
      cudaGetDriverEntryPointByVersion(name, &found, 12000, cudaEnableDefault, &result);
  if (status == cudaSuccess && result == cudaDriverEntryPointSuccess)
    return reinterpret_cast<Function>(found);
  cudaGetLastError();
  return nullptr;
}

struct Encoders {
  PFN_cuTensorMapEncodeIm2col_v12000 taps =
      find_function<PFN_cuTensorMapEncodeIm2col_v12000>("cuTensorMapEncodeIm2col");
  PFN_cuTensorMapEncodeTiled_v12000 boxes =
      find_function<PFN_cuTensorMapEncodeTiled_v12000>("cuTensorMapEncodeTiled");
};

const Encoders& encoders() {
  static const Encoders kEncoders;
  return kEncoders;
}

CUtensorMapDataType type_of(Number number) {
  return number == Number::kF16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
}

int device_attribute(cudaDeviceAttr attribute) {
  int device = 0;
  int value = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&value, attribute, device);
  return value;
}

int ceil_div(int a, int b) { return (a + b - 1) / b; }

Divisor divisor(int by) {
  return {.by = by, .reciprocal = 0xffffffffu / static_cast<std::uint32_t>(by)};
}

// Chooses a pool's tile, with its neighbours no larger than `bytes`.
void plan_pool(WidePool& pool, int bytes) {
  constexpr int kMaxColumns = 28;
  pool.tile_columns = std::min(pool.width, kMaxColumns);
  const int row_bytes = (pool.tile_columns + 2) * kRowBytes;
  pool.tile_rows = std::min(pool.height, bytes / row_bytes - 2);
  const int image_bytes = (pool.tile_rows + 2) * row_bytes;
  pool.tile_images = pool.tile_rows == pool.height ? std::min(pool.images, bytes / image_bytes) : 1;
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
  return device_attribute(cudaDevAttrComputeCapabilityMajor) == 9 && encoders().taps != nullptr &&
         encoders().boxes != nullptr;
}

int multiprocessors() { return device_attribute(cudaDevAttrMultiProcessorCount); }

void choose_box(WideProduct& product, const WideSource& source, int blocks) {
  constexpr int kMostRows = 512;
  const int taps = product.taps_y * product.taps_x;
  product.box_taps = 1;
  product.box_rows = blocks * kWideRows;
  const int height = source.height + product.pad_y;
  const int width = source.width + product.pad_x;
  const int reach = ((product.taps_y - 1) * width + product.taps_x - 1) * product.dilation;
  const bool is_shared = taps > 1 && product.stride == 1 && height >= product.out_height &&
                         width >= product.out_width &&
                         height * width <= 2 * product.out_height * product.out_width &&
                         product.box_rows + reach <= kMostRows;
  if (is_shared) {
    product.box_taps = taps;
    product.box_rows += reach;
  }
  product.box_width = divisor(is_shared ? width : product.out_width);
  product.box_image = divisor(product.box_width.by * (is_shared ? height : product.out_height));
  product.steps = taps / product.box_taps *
                  ((product.chunks - 1) * product.box_taps +
                   ceil_div(product.last_parts * product.box_taps, kStepParts));
}

void encode_pixels(WideProduct& product, const WideSource& source) {
  const auto wide = [](int value) { return static_cast<cuuint64_t>(value); };
  const cuuint64_t pixel_bytes = wide(source.pixel_stride * bytes_of(source.number));
  const cuuint64_t sizes[] = {wide(source.channels), wide(source.width), wide(source.height),
                              wide(product.images)};
  const cuuint64_t strides[] = {pixel_bytes, pixel_bytes * wide(source.width),
                                pixel_bytes * wide(source.width) * wide(source.height)};
  // The first tap's pixels: from -pad on, as many as the box has.
  const int box_height = product.box_image.by / product.box_width.by;
  const int lower[] = {-product.pad_x, -product.pad_y};
  const int upper[] = {
      (product.box_width.by - 1) * product.stride + 1 - product.pad_x - source.width,
      (box_height - 1) * product.stride + 1 - product.pad_y - source.height};
  const auto stride = static_cast<cuuint32_t>(product.stride);
  const cuuint32_t steps[] = {1, stride, stride, 1};
  const auto row_channels = static_cast<cuuint32_t>(kRowBytes / bytes_of(source.number));
  encoders().taps(&product.pixels, type_of(source.number), 4, const_cast<void*>(source.data), sizes,
                  strides, lower, upper, row_channels, static_cast<cuuint32_t>(product.box_rows),
                  steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                  CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
}

void encode_pixels(WidePool& pool, Number number) {
  const auto wide = [](int value) { return static_cast<cuuint64_t>(value); };
  const auto narrow = [](int value) { return static_cast<cuuint32_t>(value); };
  const cuuint64_t pixel_bytes = wide(pool.src_stride * bytes_of(number));
  const cuuint64_t sizes[] = {wide(pool.words * 16 / bytes_of(number)), wide(pool.width),
                              wide(pool.height), wide(pool.images)};
  const cuuint64_t strides[] = {pixel_bytes, pixel_bytes * wide(pool.width),
                                pixel_bytes * wide(pool.width) * wide(pool.height)};
  const cuuint32_t box[] = {narrow(kRowBytes / bytes_of(number)), narrow(pool.tile_columns + 2),
                            narrow(pool.tile_rows + 2), narrow(pool.tile_images)};
  const cuuint32_t steps[] = {1, 1, 1, 1};
  encoders().boxes(&pool.pixels, type_of(number), 4, const_cast<void*>(pool.src), sizes, strides,
                   box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_NONE,
                   CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
}

int wide_tiles(const WideProduct& product, int blocks) {
  return ceil_div(product.images * product.box_image.by, blocks * kWideRows) *
         ceil_div(product.columns, product.tile_columns);
}

int wide_tiles(const WidePool& pool) {
  return ceil_div(pool.images, pool.tile_images) * ceil_div(pool.height, pool.tile_rows) *
         ceil_div(pool.width, pool.tile_columns) * ceil_div(pool.words, kRowWords);
}

// As many slots of pixels as of weights, and what is left for more weights.
void plan_wide_stage(WideStage& stage) {
  constexpr int kPoolBytes = 48 * 1024;
  int rows = stage.pool_count > 0 ? kPoolBytes / kRowBytes : 0;
  int columns = 0;
  for (int i = 0; i < stage.product_count; ++i) {
    rows = std::max(rows, stage.products[i].box_rows);
    columns = std::max(columns, stage.products[i].tile_columns);
  }
  stage.pixels.slot_bytes = ceil_div(rows * kRowBytes, kAlign) * kAlign;
  stage.weights.slot_bytes = wide_weights(stage.number) * columns * kRowBytes + kBiasBytes;
  stage.pixels.slots =
      std::min(kMaxSlots, kRingBytes / (stage.pixels.slot_bytes + stage.weights.slot_bytes));
  stage.weights.slots =
      std::min(kMaxSlots, (kRingBytes - stage.pixels.slots * stage.pixels.slot_bytes) /
                              stage.weights.slot_bytes);
  for (int i = 0; i < stage.pool_count; ++i) plan_pool(stage.pools[i], stage.pixels.slot_bytes);
}

void prepare_wide_stage(const WideStage& stage, int blocks) {
  cudaFuncSetAttribute(kernel_of(stage, blocks), cudaFuncAttributeMaxDynamicSharedMemorySize,
                       kWideSharedBytes);
}

void launch_wide_stage(const WideStage& stage, int blocks, cudaStream_t stream) {
  launch_early(kernel_of(stage, blocks), stage, dim3(static_cast<unsigned>(stage.grid)),
               kWideThreads, kWideSharedBytes, stream);
}

}  // namespace kissa::cuda
