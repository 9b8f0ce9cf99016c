// Convolution of any kernel, stride, pad, dilation and group as it is defined, by the micro-kernel:
//   y[p][q][k] = sum over r, s, c of x[p * stride + r * dilation - pad][...s...][c] * w[k][c][r][s]
//
// A strip of output rows is computed at a time. The rows of the image that it needs are gathered
// into the workspace, zeros around them and columns sorted by what stands at one pixel's distance
// in the output, so that the micro-kernel finds the pixels of a tap in a row, as in a 1x1:
//   columns of one tap at stride 2, 3 taps:   x0 x2 x4 x6 | x1 x3 x5 x7
//                                             tap 0, 2 -->  tap 1 -->
// Copying costs one load and store where the sum takes taps * outputs / 16 products; without pads
// and column strides the image itself is read.
//
// What is stored in 16 bits is gathered always, and widened by it; FP16 weights are widened panel
// by panel.
//
// Two forms: of blocked channels, and of planes (a first layer's row-major image of few channels,
// each tap of each channel a step of the sum).
#include <algorithm>

#include "backends/cpu/conv_axis_map.h"
#include "backends/cpu/conv_blocks.h"
#include "backends/cpu/conv_geometry.h"
#include "backends/cpu/cpu.h"
#include "backends/cpu/kernel_tactic.h"
#include "backends/cpu/tactics.h"

namespace kissa::cpu {
namespace {

// A planar strip's source, L1 and a little: its weights are few.
constexpr std::int64_t kPlanarStripBytes = 64 << 10;
// The rows that a single row of outputs needs: what a tensor that fits into memory may ask for.
constexpr std::int64_t kMostStripBytes = std::int64_t{256} << 20;
// Strips that each thread should find, before it is given whole strips.
constexpr std::int64_t kStripsPerThread = 4;

// Groups that are computed as one with zeros between them, so that channels fill blocks.
std::int64_t merged_groups(const ConvGeometry& g) {
  if (g.group == 1) return 1;
  const std::int64_t in = g.channels / g.group;
  const std::int64_t out = g.outputs / g.group;
  for (std::int64_t merged = 1; merged < g.group; ++merged)
    if (g.group % merged == 0 && merged * in % kChannelBlock == 0 &&
        merged * out % kChannelBlock == 0)
      return merged;
  return g.group;
}

// What the two forms differ in.
struct Form {
  bool planar;
  std::int64_t pixel_floats;  // of a plane: a block of channels, or one channel
  std::int64_t planes;
  std::int64_t strip_bytes;
};

Form form_of(const ConvGeometry& g, bool planar) {
  if (planar) return {true, 1, g.channels, kPlanarStripBytes};
  return {false, kChannelBlock, channel_blocks(g.channels), group_bytes()};
}

std::int64_t strip_floats(const ConvGeometry& g, const Form& form, std::int64_t rows) {
  return form.planes * row_map(g, rows).places * column_map(g).places * form.pixel_floats;
}

class DirectStep final : public Step {
 public:
  DirectStep(const Kernels& kernels, const ConvStorage& storage, const Region& region,
             const PrepareContext& context, bool planar)
      : kernels_(kernels),
        storage_(storage),
        g_(geometry_of(region, region.nodes[0])),
        form_(form_of(g_, planar)),
        widens_(storage.halves != nullptr && !planar),
        in_place_(!g_.is_padded() && g_.stride_w == 1 && !widens_) {
    const TensorDesc& in = region.value(region.inputs[0]).desc;
    image_stride_ = planar ? g_.channels * g_.in_plane() : (BlockedTensor(in).image_stride);
    cut_into_strips(context.threads);
    lay_out_strip();
    pack(region, context.weights);
    chunks_ = pieces_for(std::ssize(panels_), rows_, context.threads);
    strip_floats_ = in_place_ ? 0 : form_.planes * plane_floats_;
    if (storage_.weights != DataType::kF32)
      weight_floats_ = channels_ * g_.taps() * panels_[0].size() * kChannelBlock;
    all_strip_floats_ = shares_strip_ ? strip_floats_ : context.threads * strip_floats_;
    workspace_floats_ = all_strip_floats_ + context.threads * weight_floats_;
  }

  std::int64_t workspace_bytes() const override {
    return workspace_floats_ * size_of(DataType::kF32);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    ThreadPool& pool = pool_of(stream);
    auto* workspace = static_cast<float*>(bindings.workspace);
    const std::int64_t strips = g_.images * strips_;
    if (!shares_strip_) {
      pool.run(static_cast<int>(strips), [&](int index, int worker) {
        const Strip strip = strip_at(bindings, index, workspace + worker * strip_floats_);
        gather(strip, 0, form_.planes * rows_map_.places);
        for (std::size_t p = 0; p < panels_.size(); ++p)
          run_panel(bindings, strip, p, 0, strip.rows, worker);
      });
      return;
    }
    for (std::int64_t index = 0; index < strips; ++index) {
      const Strip strip = strip_at(bindings, index, workspace);
      const std::int64_t rows = form_.planes * rows_map_.places;
      const std::int64_t pieces = std::min<std::int64_t>(8 * pool.threads(), rows);
      if (!in_place_)
        pool.run(static_cast<int>(pieces), [&](int piece, int) {
          gather(strip, rows * piece / pieces, rows * (piece + 1) / pieces);
        });
      pool.run(static_cast<int>(std::ssize(panels_) * chunks_), [&](int task, int worker) {
        const std::int64_t chunk = task % chunks_;
        run_panel(bindings, strip, static_cast<std::size_t>(task / chunks_),
                  strip.rows * chunk / chunks_, strip.rows * (chunk + 1) / chunks_, worker);
      });
    }
  }

 private:
  struct Strip {
    std::int64_t image;
    std::int64_t first_row, rows;  // of the output
    const float* source;           // the image
    float* gathered;
    const float* data;  // what tiles read
  };

  void cut_into_strips(std::int64_t threads) {
    rows_ = g_.out_height;
    while (rows_ > 1 &&
           strip_floats(g_, form_, rows_) * size_of(DataType::kF32) > form_.strip_bytes)
      rows_ = divide_up(rows_, 2);
    const auto too_few = [&] {
      return g_.images * divide_up(g_.out_height, rows_) < kStripsPerThread * threads;
    };
    if (form_.planar)
      while (threads > 1 && rows_ > 1 && too_few()) rows_ = divide_up(rows_, 2);
    shares_strip_ = threads > 1 && too_few();
    strips_ = divide_up(g_.out_height, rows_);
    rows_ = divide_up(g_.out_height, strips_);
    strips_ = divide_up(g_.out_height, rows_);
  }

  void lay_out_strip() {
    if (in_place_) {
      rows_map_ = in_order(rows_, g_.kernel_h, g_.stride_h, g_.dilation_h);
      columns_map_ = in_order(g_.out_width, g_.kernel_w, 1, g_.dilation_w);
      row_floats_ = g_.width * form_.pixel_floats;
      plane_floats_ = g_.height * row_floats_;
    } else {
      rows_map_ = row_map(g_, rows_);
      columns_map_ = column_map(g_);
      row_floats_ = columns_map_.places * form_.pixel_floats;
      plane_floats_ = rows_map_.places * row_floats_;
    }
    for (std::int64_t c = 0; c < (form_.planar ? g_.channels : 1); ++c)
      for (const std::int64_t r : rows_map_.taps)
        for (const std::int64_t s : columns_map_.taps)
          tap_offsets_.push_back(
              static_cast<long>(c * plane_floats_ + r * row_floats_ + s * form_.pixel_floats));
  }

  void pack(const Region& region, WeightArena& arena) {
    const GemmKernels& gemm = form_.planar ? kernels_.planar : kernels_.gemm;
    const std::int64_t merged = merged_groups(g_);
    const std::int64_t groups = g_.group / merged;
    const std::int64_t group_in = g_.channels / g_.group;
    const std::int64_t group_out = g_.outputs / g_.group;
    channels_ = merged * group_in;

    const std::vector<OutputBlock> blocks = output_blocks(region);
    const auto group_blocks = std::ssize(blocks) / groups;
    const auto sizes_of_group = choose_panels(static_cast<int>(group_blocks), g_.out_width, gemm);
    std::vector<int> sizes;
    for (std::int64_t i = 0; i < groups; ++i)
      sizes.insert(sizes.end(), sizes_of_group.begin(), sizes_of_group.end());

    const FindTaps dense = taps_of(region);
    const FindTaps grouped = [&](const OutputBlock& block, std::int64_t lane, std::int64_t c) {
      const std::int64_t output = block.first_output + lane;
      const bool is_linked = output < g_.outputs && output / group_out % merged == c / group_in;
      return is_linked ? dense(block, lane, c % group_in) : nullptr;
    };
    const FindTaps& find = g_.group == 1 ? dense : grouped;
    panels_ = pack_panels(
        region, storage_, blocks, sizes, channels_ * g_.taps() * kChannelBlock,
        [&](std::span<const OutputBlock> of_panel, float* weight) {
          if (form_.planar)
            pack_filters(of_panel, 1, channels_ * g_.taps(), find, weight);
          else
            pack_filters(of_panel, channels_, g_.taps(), find, weight);
        },
        arena);
    panels_per_group_ = sizes_of_group.size();
  }

  Strip strip_at(const Bindings& bindings, std::int64_t index, float* workspace) const noexcept {
    Strip strip = {};
    strip.image = index / strips_;
    strip.first_row = index % strips_ * rows_;
    strip.rows = std::min(rows_, g_.out_height - strip.first_row);
    strip.source = static_cast<const float*>(bindings.inputs[0]) + strip.image * image_stride_;
    strip.gathered = workspace;
    strip.data = in_place_ ? strip.source + strip.first_row * g_.stride_h * row_floats_ : workspace;
    return strip;
  }

  // Rows [begin, end) of the strip, counted through its planes.
  void gather(const Strip& strip, std::int64_t begin, std::int64_t end) const noexcept {
    if (in_place_) return;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t place = i % rows_map_.places;
      const auto run = std::find_if(
          rows_map_.runs.begin(), rows_map_.runs.end(),
          [&](const AxisMap::Run& r) { return place >= r.place && place < r.place + r.count; });
      const std::int64_t y =
          strip.first_row * g_.stride_h + run->x + (place - run->place) * run->step - g_.pad_h;
      const bool is_inside = y >= 0 && y < g_.height;
      gather_row(is_inside ? row_at(strip, i / rows_map_.places, y) : nullptr,
                 strip.gathered + i * row_floats_);
    }
  }

  const float* row_at(const Strip& strip, std::int64_t plane, std::int64_t y) const noexcept {
    if (widens_)
      return strip.source + (plane / 2 * g_.height + y) * g_.width * kChannelBlock +
             plane % 2 * (kChannelBlock / 2);
    return strip.source + (plane * g_.height + y) * g_.width * form_.pixel_floats;
  }

  // A row of the image, or zeros.
  void gather_row(const float* row, float* dst) const noexcept {
    const std::int64_t size = form_.pixel_floats;
    if (row == nullptr) {
      std::fill_n(dst, row_floats_, 0.0f);
      return;
    }
    for (const AxisMap::Run& run : columns_map_.runs) {
      float* to = dst + run.place * size;
      const std::int64_t first = run.x - g_.pad_w;  // the column of place 0
      const std::int64_t begin = std::clamp<std::int64_t>(
          divide_up(std::max<std::int64_t>(-first, 0), run.step), 0, run.count);
      const std::int64_t end =
          first < g_.width
              ? std::clamp<std::int64_t>((g_.width - 1 - first) / run.step + 1, begin, run.count)
              : begin;
      std::fill_n(to, begin * size, 0.0f);
      copy_pixels(row + (first + begin * run.step) * size, run.step, to + begin * size,
                  end - begin);
      std::fill_n(to + end * size, (run.count - end) * size, 0.0f);
    }
  }

  void copy_pixels(const float* from, std::int64_t step, float* to,
                   std::int64_t count) const noexcept {
    if (widens_) {
      storage_.halves->widen(
          from, to, one_row(static_cast<long>(count), static_cast<long>(step * kChannelBlock)));
    } else if (step == 1) {
      std::copy_n(from, count * form_.pixel_floats, to);
    } else if (form_.planar) {
      for (std::int64_t i = 0; i < count; ++i) to[i] = from[i * step];
    } else {
      for (std::int64_t i = 0; i < count; ++i)
        std::copy_n(from + i * step * kChannelBlock, kChannelBlock, to + i * kChannelBlock);
    }
  }

  // Rows [begin, end) of a strip.
  void run_panel(const Bindings& bindings, const Strip& strip, std::size_t p, std::int64_t begin,
                 std::int64_t end, int worker) const noexcept {
    const Panel& panel = panels_[p];
    const GemmKernels& all_tiles = form_.planar ? kernels_.planar : kernels_.gemm;
    const auto group = static_cast<std::int64_t>(p / panels_per_group_);
    const std::int64_t tiles = divide_up(g_.out_width, all_tiles.pixels[panel.size() - 1]);
    const std::int64_t weights = channels_ * g_.taps() * panel.size() * kChannelBlock;
    GemmTile tile = {};
    const GemmKernels& gemm = set_weights(
        kernels_, all_tiles, panel, 0, weights, (end - begin) * tiles,
        static_cast<float*>(bindings.workspace) + all_strip_floats_ + worker * weight_floats_,
        tile);
    tile.src_stride = static_cast<long>(plane_floats_);
    tile.tap_offset = tap_offsets_.data();
    tile.taps = static_cast<int>(tap_offsets_.size());
    tile.channels = static_cast<int>(channels_);
    const float* data = strip.data + group * channel_blocks(channels_) * plane_floats_;
    for (std::int64_t row = begin; row < end; ++row) {
      for (std::int64_t i = 0; i < tiles; ++i) {
        const std::int64_t a = g_.out_width * i / tiles;
        const std::int64_t b = g_.out_width * (i + 1) / tiles;
        tile.src = data + row * rows_map_.step * row_floats_ + a * form_.pixel_floats;
        set_prefetch(tile, panel.bias + panel.lines * kChannelBlock, panel.lines,
                     (row - begin) * tiles + i, (end - begin) * tiles);
        run_tile(kernels_, gemm, panel, bindings, strip.image,
                 (strip.first_row + row) * g_.out_width + a, static_cast<int>(b - a), tile);
      }
    }
  }

  const Kernels& kernels_;
  ConvStorage storage_;
  ConvGeometry g_;
  Form form_;
  bool widens_;  // the source, while it is gathered
  bool in_place_;
  std::int64_t image_stride_ = 0;
  std::int64_t rows_ = 0, strips_ = 0;  // of outputs in a strip, and strips in an image
  bool shares_strip_ = false;
  AxisMap rows_map_, columns_map_;
  std::int64_t row_floats_ = 0, plane_floats_ = 0, strip_floats_ = 0, all_strip_floats_ = 0;
  std::int64_t weight_floats_ = 0;  // of a panel, widened
  std::int64_t workspace_floats_ = 0;
  std::vector<long> tap_offsets_;
  std::int64_t channels_ = 0;  // of a sum
  std::vector<Panel> panels_;
  std::size_t panels_per_group_ = 1;
  std::int64_t chunks_ = 1;
};

class ConvDirect final : public KernelTactic {
 public:
  ConvDirect(const Kernels& kernels, const ConvStorage& storage, bool planar)
      : KernelTactic(planar ? "cpu.conv.first" : "cpu.conv.direct", kernels, storage.type,
                     storage.isa),
        storage_(storage),
        planar_(planar) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.nodes.size() != 1) return "runs one convolution at a time";
    if (auto reason = refuse_convs(region)) return reason;
    const ConvGeometry g = geometry_of(region, region.nodes[0]);
    if (planar_ && g.channels > kMostPlanes) return "more than 4 input channels";
    if (planar_ && g.group != 1) return "it has groups";
    if (planar_ && adds_own_input(region.nodes[0])) return "it adds its own input";
    if (needs_too_much(g)) return "a row of outputs needs too much of the padded image";
    if (g.images * g.out_height > ThreadPool::kMaxTasks) return "too many rows";
    return std::nullopt;
  }

  Requirements requirements(const Region& region) const override {
    Requirements need = requirements_in(region, blocked_format(type()));
    if (planar_) need.inputs[0] = {};
    return need;
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return std::make_unique<DirectStep>(kernels(), storage_, region, context, planar_);
  }

 private:
  static constexpr std::int64_t kMostPlanes = 4;

  bool needs_too_much(const ConvGeometry& g) const {
    const Form form = form_of(g, planar_);
    // Factors that are each below 2^31 and 2^24: taken one by one, no product overflows.
    const std::int64_t most = kMostStripBytes / size_of(DataType::kF32);
    if (g.kernel_h > most / g.kernel_w || g.out_width > most / g.kernel_w) return true;
    const std::int64_t rows = g.kernel_h;  // at most: a copy for each tap
    const std::int64_t columns = g.kernel_w * g.out_width;
    if (columns > most / rows) return true;
    return rows * columns > most / (form.planes * form.pixel_floats);
  }

  ConvStorage storage_;
  bool planar_;
};

}  // namespace

std::unique_ptr<const Tactic> make_conv_direct(const Kernels& kernels, const ConvStorage& storage) {
  return std::make_unique<ConvDirect>(kernels, storage, false);
}

std::unique_ptr<const Tactic> make_conv_first(const Kernels& kernels, const ConvStorage& storage) {
  ConvStorage few_weights = storage;
  few_weights.weights = DataType::kF32;
  return std::make_unique<ConvDirect>(kernels, few_weights, true);
}

}  // namespace kissa::cpu
