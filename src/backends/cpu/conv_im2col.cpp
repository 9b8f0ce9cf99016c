// Convolution the way BVLC Caffe's CPU path computes it, image by image:
//   col (C/G R S x P Q, each group) = im2col(x),  y_g (K/G x P Q) = w_g (K/G x C/G R S) * col_g,
//   then y += bias in a pass of its own. A 1x1 of stride 1 needs no im2col.
#include <algorithm>

#include "backends/cpu/blas.h"
#include "backends/cpu/conv_geometry.h"
#include "backends/cpu/tactics.h"

namespace kissa::cpu {
namespace {

std::int64_t column_floats(const ConvGeometry& g) {
  return g.is_gemm() ? 0 : g.channels * g.taps() * g.out_plane();
}

// One row of a column matrix: every `stride`-th value of `src` from `first` on, 0 outside.
void gather_row(const float* src, std::int64_t width, std::int64_t first, std::int64_t stride,
                float* dst, std::int64_t count) {
  for (std::int64_t q = 0; q < count; ++q) {
    const std::int64_t x = first + q * stride;
    dst[q] = x >= 0 && x < width ? src[x] : 0.0f;
  }
}

// Unit stride: a copy between two runs of zeros.
void copy_row(const float* src, std::int64_t width, std::int64_t first, float* dst,
              std::int64_t count) {
  const std::int64_t begin = std::clamp<std::int64_t>(-first, 0, count);
  const std::int64_t end = std::clamp<std::int64_t>(width - first, begin, count);
  std::fill(dst, dst + begin, 0.0f);
  if (begin < end) std::copy(src + first + begin, src + first + end, dst + begin);
  std::fill(dst + end, dst + count, 0.0f);
}

void im2col(const ConvGeometry& g, const float* image, float* columns) {
  for (std::int64_t c = 0; c < g.channels; ++c, image += g.in_plane()) {
    for (std::int64_t r = 0; r < g.kernel_h; ++r) {
      for (std::int64_t s = 0; s < g.kernel_w; ++s) {
        const std::int64_t first = s * g.dilation_w - g.pad_w;
        for (std::int64_t p = 0; p < g.out_height; ++p, columns += g.out_width) {
          const std::int64_t y = p * g.stride_h + r * g.dilation_h - g.pad_h;
          if (y < 0 || y >= g.height)
            std::fill(columns, columns + g.out_width, 0.0f);
          else if (g.stride_w == 1)
            copy_row(image + y * g.width, g.width, first, columns, g.out_width);
          else
            gather_row(image + y * g.width, g.width, first, g.stride_w, columns, g.out_width);
        }
      }
    }
  }
}

class ConvStep final : public Step {
 public:
  ConvStep(const ConvGeometry& geometry, const float* weight, const float* bias)
      : geometry_(geometry), weight_(weight), bias_(bias) {}

  std::int64_t workspace_bytes() const override {
    return column_floats(geometry_) * size_of(DataType::kF32);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const ConvGeometry& g = geometry_;
    const auto* src = static_cast<const float*>(bindings.inputs[0]);
    auto* dst = static_cast<float*>(bindings.outputs[0]);
    const std::int64_t group_rows = g.channels / g.group * g.taps();
    const std::int64_t group_outputs = g.outputs / g.group;
    set_blas_threads(stream);
    for (std::int64_t n = 0; n < g.images; ++n) {
      const float* columns = src + n * g.channels * g.in_plane();
      float* image = dst + n * g.outputs * g.out_plane();
      if (!g.is_gemm()) {
        im2col(g, columns, static_cast<float*>(bindings.workspace));
        columns = static_cast<const float*>(bindings.workspace);
      }
      for (std::int64_t i = 0; i < g.group; ++i)
        gemm(group_outputs, g.out_plane(), group_rows, weight_ + i * group_outputs * group_rows,
             columns + i * group_rows * g.out_plane(), false,
             image + i * group_outputs * g.out_plane());
      if (bias_ != nullptr) add_bias(image);
    }
  }

 private:
  void add_bias(float* image) const {
    const std::int64_t plane = geometry_.out_plane();
    for (std::int64_t k = 0; k < geometry_.outputs; ++k, image += plane)
      for (std::int64_t i = 0; i < plane; ++i) image[i] += bias_[k];
  }

  ConvGeometry geometry_;
  const float* weight_;
  const float* bias_;
};

class ConvIm2col final : public Tactic {
 public:
  std::string_view name() const override { return "cpu.conv.im2col_gemm.f32"; }

  std::optional<std::string> refuse(const Region& region) const override {
    const auto* conv = region.only<Convolution>();
    if (conv == nullptr) return "not a single convolution";
    const Shape& in = region.in(0).desc.shape;
    if (in.rank() != 4 || in.canonical_axis(conv->axis) != 1)
      return "not a 2-D convolution of NCHW";
    if (region.inputs.size() != 1) return "its input is a constant";
    if (!region.nodes[0].epilogue.empty()) return "it has an epilogue";
    if (in.elements() == 0) return "its input is empty";
    const ConvGeometry g = geometry_of(*conv, in, region.out(0).desc.shape);
    if (!fits_blas(g.channels * g.taps()) || !fits_blas(g.out_plane()))
      return "a matrix is too large for BLAS";
    return std::nullopt;
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    const auto& conv = *region.only<Convolution>();
    return std::make_unique<ConvStep>(
        geometry_of(conv, region.in(0).desc.shape, region.out(0).desc.shape),
        region.param(0).constant, conv.has_bias ? region.param(1).constant : nullptr);
  }
};

}  // namespace

const Tactic& conv_im2col() {
  static const ConvIm2col kTactic;
  return kTactic;
}

}  // namespace kissa::cpu
