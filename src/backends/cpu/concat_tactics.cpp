// Concatenation and slices as copies of neighbouring floats between a whole and its parts. Blocked
// tensors are N, blocks, H, W, 16 here; parts that do not start on a block of channels are put
// together lane by lane, or in halves of blocks where they start on one in 16 bits.
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

bool is_blocked(const TensorDesc& desc) { return kissa::is_blocked(desc.format.layout); }

// The extents as they lie in memory.
Shape memory_shape(const TensorDesc& desc) {
  if (!is_blocked(desc)) return desc.shape;
  std::vector<std::int64_t> dims = desc.shape.dims();
  dims[1] = channel_blocks(dims[1], block_channels(desc.format.layout));
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

// What blocks are put together of: `count` pieces of `channels` neighbouring channels.
struct Pieces {
  std::int64_t channels, count;
  void (*gather)(const Piece*, std::int64_t, void*) noexcept;
};

constexpr std::int64_t kPixelBytes = kChannelBlock * sizeof(float);  // of a block
constexpr std::int64_t kMaxPieces = 2 * kChannelBlock;

// Whether every part but the last takes a multiple of so many channels.
bool is_on(const Parts& parts, std::int64_t channels) {
  return std::all_of(parts.parts.begin(), parts.parts.end() - 1,
                     [&](const TensorDesc* part) { return part->shape[1] % channels == 0; });
}

Pieces pieces_for(const Parts& parts, const ReorderKernels& kernels) {
  if (parts.whole->format.type == DataType::kF32) return {1, kChannelBlock, kernels.gather_words};
  if (is_on(parts, kChannelBlock)) return {kChannelBlock, 2, kernels.gather_half_blocks};
  return {1, 2 * kChannelBlock, kernels.gather_halves};
}

// Where a piece of the source lies; in bytes.
struct SourcePiece {
  std::size_t binding;
  std::int64_t offset;  // in image 0
  std::int64_t image_stride;
};

// A destination's block of channels; behind the pieces given there is padding.
struct PieceBlock {
  std::size_t binding;
  std::int64_t offset;
  std::int64_t image_stride;
  std::vector<SourcePiece> pieces;
};

std::int64_t pieces_in(const TensorDesc& desc, const Pieces& kind) {
  return channel_blocks(desc.shape[1], kind.channels);
}

// Appends those of a source.
void add_pieces(const TensorDesc& desc, std::size_t binding, const Pieces& kind,
                std::vector<SourcePiece>& pieces) {
  const BlockedTensor tensor(desc);
  for (std::int64_t i = 0; i < pieces_in(desc, kind); ++i) {
    const std::int64_t in_block = i % kind.count * (kPixelBytes / kind.count);
    pieces.push_back({binding,
                      tensor.offset(0, i / kind.count) * size_of(DataType::kF32) + in_block,
                      tensor.image_stride * size_of(DataType::kF32)});
  }
}

// Cuts the destination, which `pieces` become, into blocks.
void add_blocks(const TensorDesc& desc, std::size_t binding, const Pieces& kind,
                std::vector<SourcePiece>::const_iterator pieces, std::vector<PieceBlock>& blocks) {
  const BlockedTensor tensor(desc);
  for (std::int64_t b = 0; b < tensor.blocks; ++b) {
    PieceBlock& block = blocks.emplace_back();
    block.binding = binding;
    block.offset = tensor.offset(0, b) * size_of(DataType::kF32);
    block.image_stride = tensor.image_stride * size_of(DataType::kF32);
    const std::int64_t first = b * kind.count;
    const std::int64_t last = std::min(first + kind.count, pieces_in(desc, kind));
    block.pieces.assign(pieces + first, pieces + last);
  }
}

std::vector<PieceBlock> piece_blocks(const Parts& parts, const Pieces& kind) {
  std::vector<PieceBlock> blocks;
  std::vector<SourcePiece> pieces;
  if (parts.is_concat) {
    for (std::size_t i = 0; i < parts.parts.size(); ++i)
      add_pieces(*parts.parts[i], parts.bindings[i], kind, pieces);
    add_blocks(*parts.whole, 0, kind, pieces.begin(), blocks);
  } else {
    add_pieces(*parts.whole, 0, kind, pieces);
    auto next = pieces.cbegin();
    for (std::size_t i = 0; i < parts.parts.size(); ++i) {
      add_blocks(*parts.parts[i], parts.bindings[i], kind, next, blocks);
      next += pieces_in(*parts.parts[i], kind);
    }
  }
  return blocks;
}

class PieceStep final : public Step {
 public:
  PieceStep(const Kernels& kernels, const Region& region) {
    const Parts parts = parts_of(region);
    const BlockedTensor whole(*parts.whole);
    images_ = whole.images;
    pixels_ = whole.pixels();
    kind_ = pieces_for(parts, kernels.reorder);
    blocks_ = piece_blocks(parts, kind_);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const std::int64_t blocks = std::ssize(blocks_);
    // A piece takes about as long as moving 16 bytes.
    const std::int64_t bytes = std::max(kind_.count * 16, 2 * kPixelBytes);
    parallel_for(
        stream, images_ * blocks * pixels_, bytes, [&](std::int64_t begin, std::int64_t end) {
          for_each_group(begin, end, pixels_,
                         [&](std::int64_t i, std::int64_t first, std::int64_t last) {
                           const PieceBlock& block = blocks_[static_cast<std::size_t>(i % blocks)];
                           run_pixels(bindings, block, i / blocks, first, last);
                         });
        });
  }

 private:
  void run_pixels(const Bindings& bindings, const PieceBlock& block, std::int64_t image,
                  std::int64_t first, std::int64_t last) const noexcept {
    static constexpr unsigned char kZeros[kPixelBytes] = {};
    Piece pieces[kMaxPieces];
    std::fill(std::begin(pieces), std::end(pieces), Piece{kZeros, 0});
    for (std::size_t c = 0; c < block.pieces.size(); ++c) {
      const SourcePiece& piece = block.pieces[c];
      pieces[c] = {static_cast<const unsigned char*>(bindings.inputs[piece.binding]) +
                       piece.offset + image * piece.image_stride + first * kPixelBytes,
                   kPixelBytes};
    }
    kind_.gather(pieces, last - first,
                 static_cast<unsigned char*>(bindings.outputs[block.binding]) + block.offset +
                     image * block.image_stride + first * kPixelBytes);
  }

  Pieces kind_;
  std::int64_t images_, pixels_;
  std::vector<PieceBlock> blocks_;
};

template <class T>
class CopyTactic final : public KernelTactic {
 public:
  CopyTactic(const Kernels& kernels, const Format& format)
      : KernelTactic(with_layout("cpu." + std::string(T::kName), format.layout), kernels,
                     format.type),
        format_(format) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.only<T>() == nullptr) return "not a single " + std::string(T::kName);
    return refuse_plain(region, format_.layout);
  }

  Requirements requirements(const Region& region) const override {
    return requirements_in(region, format_);
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    const Parts parts = parts_of(region);
    if (is_blocked(*parts.whole) && parts.axis == 1 &&
        !is_on(parts, block_channels(format_.layout)))
      return std::make_unique<PieceStep>(kernels(), region);
    return std::make_unique<CopyStep>(region);
  }

 private:
  Format format_;
};

}  // namespace

void add_concat_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics) {
  for (const Format& format : formats_of(type)) {
    tactics.push_back(std::make_unique<CopyTactic<Concat>>(kernels, format));
    tactics.push_back(std::make_unique<CopyTactic<Slice>>(kernels, format));
  }
}

}  // namespace kissa::cpu
