// Concatenation and slices as copies of neighbouring floats between a whole and its parts. Blocked
// tensors are N, C / 16, H, W, 16 here; parts that do not start on a block of channels are put
// together lane by lane.
#include <algorithm>
#include <array>

#include "backends/cpu/data_tactics.h"
#include "backends/cpu/parallel.h"

namespace kissa::cpu {
namespace {

// Which way data goes between the whole, which is the node's one output (input), and its parts.
struct Parts {
  bool is_concat;
  int axis;
  const TensorDesc* whole;
  std::vector<const TensorDesc*> parts;
  std::vector<std::size_t> bindings;  // of the parts
};

Parts parts_of(const Region& region) {
  const auto* concat = region.only<Concat>();
  const Region::Node& node = region.nodes[0];
  Parts result = {.is_concat = concat != nullptr,
                  .axis = concat != nullptr ? concat->axis : region.only<Slice>()->axis,
                  .whole = concat != nullptr ? &region.out(0).desc : &region.in(0).desc,
                  .parts = {},
                  .bindings = {}};
  result.axis = result.whole->shape.canonical_axis(result.axis);
  for (const int value : result.is_concat ? node.inputs : node.outputs) {
    result.parts.push_back(&region.value(value).desc);
    result.bindings.push_back(result.is_concat ? input_binding(region, value)
                                               : output_binding(region, value));
  }
  return result;
}

bool is_blocked(const TensorDesc& desc) { return desc.format.layout == Layout::kBlocked16; }

// The extents as they lie in memory.
Shape memory_shape(const TensorDesc& desc) {
  if (!is_blocked(desc)) return desc.shape;
  std::vector<std::int64_t> dims = desc.shape.dims();
  dims[1] = channel_blocks(dims[1]);
  dims.push_back(kChannelBlock);
  return Shape(std::move(dims));
}

// Floats from one index of the outermost axis to the next.
std::int64_t outer_stride(const TensorDesc& desc) {
  return is_blocked(desc) ? BlockedTensor(desc).image_stride
                          : desc.shape.product(1, desc.shape.rank());
}

// A part as images x outer runs of `count` neighbouring floats.
struct Copy {
  std::size_t binding;
  std::int64_t images, outer, count;
  std::int64_t whole_start, whole_image, whole_run;  // where they lie in the whole
  std::int64_t part_image, part_run;
};

std::vector<Copy> copies_of(const Parts& parts) {
  const Shape whole = memory_shape(*parts.whole);
  std::vector<Copy> copies;
  std::int64_t start = 0;  // along the axis
  for (std::size_t i = 0; i < parts.parts.size(); ++i) {
    const Shape part = memory_shape(*parts.parts[i]);
    const int axis = parts.axis;
    // Along the outermost axis a run is an image.
    const int outer = axis == 0 ? 1 : axis;
    Copy copy = {.binding = parts.bindings[i],
                 .images = part[0],
                 .outer = part.product(1, outer),
                 .count = part.product(outer, part.rank()),
                 .whole_start = start * whole.product(axis + 1, whole.rank()),
                 .whole_image = outer_stride(*parts.whole),
                 .whole_run = whole.product(outer, whole.rank()),
                 .part_image = outer_stride(*parts.parts[i]),
                 .part_run = part.product(outer, part.rank())};
    if (axis == 0) copy.whole_start = start * copy.whole_image;
    if (axis == 0 && !is_blocked(*parts.whole)) {  // and all images are one run
      copy.images = 1;
      copy.count = part.elements();
    }
    copies.push_back(copy);
    start += part[axis];
  }
  return copies;
}

class CopyStep final : public Step {
 public:
  explicit CopyStep(const Region& region) {
    const Parts parts = parts_of(region);
    is_concat_ = parts.is_concat;
    copies_ = copies_of(parts);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    for (const Copy& copy : copies_) {
      const std::int64_t chunks = (copy.count + kChunk - 1) / kChunk;
      parallel_for(stream, copy.images * copy.outer * chunks, std::min(copy.count, kChunk) * 8,
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t i = begin; i < end; ++i)
                       run_chunk(bindings, copy, i / chunks, i % chunks * kChunk);
                   });
    }
  }

 private:
  static constexpr std::int64_t kChunk = 4096;  // floats that one memcpy takes

  void run_chunk(const Bindings& bindings, const Copy& copy, std::int64_t run,
                 std::int64_t first) const noexcept {
    const std::int64_t image = run / copy.outer;
    const std::int64_t o = run % copy.outer;
    const std::int64_t in_whole =
        copy.whole_start + image * copy.whole_image + o * copy.whole_run + first;
    const std::int64_t in_part = image * copy.part_image + o * copy.part_run + first;
    const std::int64_t count = std::min(kChunk, copy.count - first);
    if (is_concat_)
      std::copy_n(static_cast<const float*>(bindings.inputs[copy.binding]) + in_part, count,
                  static_cast<float*>(bindings.outputs[0]) + in_whole);
    else
      std::copy_n(static_cast<const float*>(bindings.inputs[0]) + in_whole, count,
                  static_cast<float*>(bindings.outputs[copy.binding]) + in_part);
  }

  bool is_concat_;
  std::vector<Copy> copies_;
};

// Where a channel of the source lies.
struct SourceLane {
  std::size_t binding;
  std::int64_t offset;  // in image 0
  std::int64_t image_stride;
};

// A destination's block of channels; lanes behind those given are padding.
struct LaneBlock {
  std::size_t binding;
  std::int64_t offset;
  std::int64_t image_stride;
  std::vector<SourceLane> lanes;
};

std::int64_t lane_offset(const BlockedTensor& tensor, std::int64_t channel) {
  return tensor.offset(0, channel / kChannelBlock) + channel % kChannelBlock;
}

std::vector<SourceLane> lanes_of(const TensorDesc& desc, std::size_t binding) {
  const BlockedTensor tensor(desc);
  std::vector<SourceLane> lanes;
  for (std::int64_t c = 0; c < tensor.channels; ++c)
    lanes.push_back({binding, lane_offset(tensor, c), tensor.image_stride});
  return lanes;
}

// Cuts the destination, whose channels come from `lanes`, into blocks.
void add_blocks(const TensorDesc& desc, std::size_t binding,
                std::vector<SourceLane>::iterator lanes, std::vector<LaneBlock>& blocks) {
  const BlockedTensor tensor(desc);
  for (std::int64_t b = 0; b < tensor.blocks; ++b) {
    LaneBlock& block = blocks.emplace_back();
    block.binding = binding;
    block.offset = tensor.offset(0, b);
    block.image_stride = tensor.image_stride;
    const auto first = lanes + b * kChannelBlock;
    block.lanes.assign(first, first + tensor.channels_in(b));
  }
}

std::vector<LaneBlock> lane_blocks(const Parts& parts) {
  std::vector<LaneBlock> blocks;
  std::vector<SourceLane> lanes;
  if (parts.is_concat) {
    for (std::size_t i = 0; i < parts.parts.size(); ++i) {
      const auto part = lanes_of(*parts.parts[i], parts.bindings[i]);
      lanes.insert(lanes.end(), part.begin(), part.end());
    }
    add_blocks(*parts.whole, 0, lanes.begin(), blocks);
  } else {
    lanes = lanes_of(*parts.whole, 0);
    auto next = lanes.begin();
    for (std::size_t i = 0; i < parts.parts.size(); ++i) {
      add_blocks(*parts.parts[i], parts.bindings[i], next, blocks);
      next += parts.parts[i]->shape[1];
    }
  }
  return blocks;
}

class LaneStep final : public Step {
 public:
  LaneStep(const Kernels& kernels, const Region& region) : gather_(kernels.reorder.gather) {
    const Parts parts = parts_of(region);
    const BlockedTensor whole(*parts.whole);
    images_ = whole.images;
    pixels_ = whole.pixels();
    blocks_ = lane_blocks(parts);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const std::int64_t blocks = std::ssize(blocks_);
    // Lane by lane a float takes about as long as moving 16 bytes.
    constexpr std::int64_t kPixelBytes = 16 * kChannelBlock;
    parallel_for(
        stream, images_ * blocks * pixels_, kPixelBytes, [&](std::int64_t begin, std::int64_t end) {
          for_each_group(begin, end, pixels_,
                         [&](std::int64_t i, std::int64_t first, std::int64_t last) {
                           const LaneBlock& block = blocks_[static_cast<std::size_t>(i % blocks)];
                           run_pixels(bindings, block, i / blocks, first, last);
                         });
        });
  }

 private:
  void run_pixels(const Bindings& bindings, const LaneBlock& block, std::int64_t image,
                  std::int64_t first, std::int64_t last) const noexcept {
    static constexpr float kZero = 0.0f;
    Lane lanes[kChannelBlock];
    std::fill(std::begin(lanes), std::end(lanes), Lane{&kZero, 0});
    for (std::size_t c = 0; c < block.lanes.size(); ++c) {
      const SourceLane& lane = block.lanes[c];
      lanes[c] = {static_cast<const float*>(bindings.inputs[lane.binding]) + lane.offset +
                      image * lane.image_stride + first * kChannelBlock,
                  kChannelBlock};
    }
    gather_(lanes, last - first,
            static_cast<float*>(bindings.outputs[block.binding]) + block.offset +
                image * block.image_stride + first * kChannelBlock);
  }

  void (*gather_)(const Lane (&)[16], std::int64_t, float*) noexcept;
  std::int64_t images_, pixels_;
  std::vector<LaneBlock> blocks_;
};

// Whether every part but the last fills its blocks of channels.
bool is_on_blocks(const Parts& parts) {
  return std::all_of(parts.parts.begin(), parts.parts.end() - 1,
                     [](const TensorDesc* part) { return part->shape[1] % kChannelBlock == 0; });
}

template <class T>
class CopyTactic final : public KernelTactic {
 public:
  CopyTactic(const Kernels& kernels, Layout layout)
      : KernelTactic(with_layout("cpu." + std::string(T::kName), layout), kernels),
        layout_(layout) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.only<T>() == nullptr) return "not a single " + std::string(T::kName);
    return refuse_plain(region, layout_);
  }

  Requirements requirements(const Region& region) const override {
    return requirements_in(region, layout_);
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    const Parts parts = parts_of(region);
    if (layout_ == Layout::kBlocked16 && parts.axis == 1 && !is_on_blocks(parts))
      return std::make_unique<LaneStep>(kernels(), region);
    return std::make_unique<CopyStep>(region);
  }

 private:
  Layout layout_;
};

}  // namespace

void add_concat_tactics(const Kernels& kernels, OwnedTactics& tactics) {
  for (const Layout layout : {Layout::kBlocked16, Layout::kRowMajor}) {
    tactics.push_back(std::make_unique<CopyTactic<Concat>>(kernels, layout));
    tactics.push_back(std::make_unique<CopyTactic<Slice>>(kernels, layout));
  }
}

}  // namespace kissa::cpu
