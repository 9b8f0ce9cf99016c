#include "backends/cuda/kernels/stage.cuh"

namespace kissa::cuda {

std::span<const StageTile> f32_stage_tiles() {
  static const StageTile kTiles[] = {
      stage_tile<float, 1, 4, 1, 1, 8>("16x32k8"),
      stage_tile<float, 1, 4, 2, 1, 4>("32x32k4"),
      stage_tile<float, 2, 4, 1, 1, 8>("32x32k8"),
      stage_tile<float, 2, 5, 1, 1, 8>("32x40k8"),
      stage_tile<float, 1, 4, 1, 1, 8, 8>("16x32k8d"),
      stage_tile<float, 2, 4, 1, 1, 8, 6>("32x32k8d"),
      stage_tile<float, 2, 5, 1, 1, 8, 4>("32x40k8d"),
      stage_tile<float, 1, 7, 2, 1, 4>("32x56k4"),
      stage_tile<float, 2, 7, 2, 1, 4>("64x56k4"),
      stage_tile<float, 2, 4, 2, 2, 2>("64x64k2"),
      stage_tile<float, 2, 7, 2, 4, 1>("64x224"),
      stage_tile<float, 2, 7, 4, 2, 1>("128x112p"),
      stage_tile<float, 2, 4, 2, 4, 1>("64x128"),
  };
  return kTiles;
}

}  // namespace kissa::cuda
