#include "backends/onednn/conv.h"

#include <omp.h>

#include <algorithm>
#include <dnnl.hpp>
#include <limits>

#include "backends/cpu/conv_geometry.h"
#include "backends/cpu/cpu.h"
#include "backends/cpu/kernel_tactic.h"

namespace kissa::onednn {
namespace {

using cpu::ConvGeometry;
using Tag = dnnl::memory::format_tag;

// While it lives, OpenMP gives this thread's primitives no other threads.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

const dnnl::engine& engine() {
  static const dnnl::engine kEngine(dnnl::engine::kind::cpu, 0);
  return kEngine;
}

dnnl::memory::desc desc_of(const dnnl::memory::dims& dims, Tag tag) {
  return {dims, dnnl::memory::data_type::f32, tag};
}

bool is_depthwise(const ConvGeometry& g) { return g.group == g.channels && g.group == g.outputs; }

dnnl::memory::dims weight_dims(const ConvGeometry& g, std::int64_t outputs) {
  if (g.group == 1) return {outputs, g.channels, g.kernel_h, g.kernel_w};
  return {g.group, outputs / g.group, g.channels / g.group, g.kernel_h, g.kernel_w};
}

// Fixed, so that a plan file's weights lie as the next version of oneDNN reads them.
Tag weight_tag(const ConvGeometry& g) {
  if (g.group == 1) return Tag::OIhw16i16o;
  return is_depthwise(g) ? Tag::Goihw16g : Tag::gOIhw16i16o;
}

void add_activation(const Epilogue& epilogue, dnnl::post_ops& ops) {
  if (epilogue.activation == Activation::kRelu)
    ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, epilogue.low, 0.0f);
  if (epilogue.activation == Activation::kClip)
    ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_clip, epilogue.low, epilogue.high);
}

// Of one image and `outputs` outputs; empty where oneDNN has no such kernel.
dnnl::convolution_forward::primitive_desc describe(const ConvGeometry& g, std::int64_t outputs,
                                                   const Epilogue& epilogue) {
  const dnnl::convolution_forward::desc conv(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
      desc_of({1, g.channels, g.height, g.width}, Tag::nChw16c),
      desc_of(weight_dims(g, outputs), weight_tag(g)), desc_of({outputs}, Tag::x),
      desc_of({1, outputs, g.out_height, g.out_width}, Tag::nChw16c), {g.stride_h, g.stride_w},
      {g.dilation_h - 1, g.dilation_w - 1}, {g.pad_h, g.pad_w},
      {(g.out_height - 1) * g.stride_h + (g.kernel_h - 1) * g.dilation_h + 1 - g.height - g.pad_h,
       (g.out_width - 1) * g.stride_w + (g.kernel_w - 1) * g.dilation_w + 1 - g.width - g.pad_w});
  dnnl::post_ops ops;
  add_activation(epilogue, ops);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(ops);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return {conv, attributes, engine(), true};
}

// Some of the outputs: those of whole blocks, from the first-th on.
struct Piece {
  std::int64_t first, outputs;
  dnnl::convolution_forward primitive;
  dnnl::convolution_forward::primitive_desc desc;
  const float* bias;
  const float* weight;
};

class ConvStep final : public Step {
 public:
  ConvStep(const Region& region, const PrepareContext& context)
      : g_(cpu::geometry_of(region, region.nodes[0])),
        src_(region.in(0).desc),
        dst_(region.out(0).desc),
        threads_(context.threads) {
    const OneThread one_thread;
    const bool has_images = g_.images % threads_ == 0;
    const std::int64_t blocks = channel_blocks(g_.outputs);
    const std::int64_t pieces =
        has_images || g_.group != 1 ? 1 : std::min<std::int64_t>(threads_, blocks);
    for (std::int64_t i = 0; i < pieces; ++i)
      add_piece(region, blocks * i / pieces * kChannelBlock,
                std::min(blocks * (i + 1) / pieces * kChannelBlock, g_.outputs), context.weights);
  }

  std::int64_t workspace_bytes() const override { return threads_ * scratch_bytes_; }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const auto pieces = std::ssize(pieces_);
    const auto tasks = static_cast<int>(g_.images * pieces);
    cpu::pool_of(stream).run(tasks, [&](int task, int worker) {
      run_piece(bindings, task / pieces, pieces_[static_cast<std::size_t>(task % pieces)], worker);
    });
  }

 private:
  void add_piece(const Region& region, std::int64_t first, std::int64_t end, WeightArena& arena) {
    const std::int64_t outputs = end - first;
    auto desc = describe(g_, outputs, region.nodes[0].epilogue);
    scratch_bytes_ =
        std::max(scratch_bytes_,
                 (static_cast<std::int64_t>(desc.scratchpad_desc().get_size()) + 63) / 64 * 64);
    const auto weight_floats =
        static_cast<std::int64_t>(desc.weights_desc().get_size()) / size_of(DataType::kF32);
    const std::int64_t bias_floats = channel_blocks(outputs) * kChannelBlock;
    const void* data =
        arena.add((bias_floats + weight_floats) * size_of(DataType::kF32), [&](void* memory) {
          auto* bias = static_cast<float*>(memory);
          std::fill_n(bias, bias_floats, 0.0f);
          if (std::get<Convolution>(region.nodes[0].op).has_bias)
            std::copy_n(region.param(1).constant + first, outputs, bias);
          pack_weights(region.param(0).constant + first * g_.channels / g_.group * g_.taps(),
                       outputs, desc, bias + bias_floats);
        });
    const auto* bias = static_cast<const float*>(data);
    pieces_.push_back({.first = first,
                       .outputs = outputs,
                       .primitive = dnnl::convolution_forward(desc),
                       .desc = desc,
                       .bias = bias,
                       .weight = bias + bias_floats});
  }

  void pack_weights(const float* rows, std::int64_t outputs,
                    const dnnl::convolution_forward::primitive_desc& desc, float* packed) const {
    const Tag plain = g_.group == 1 ? Tag::oihw : Tag::goihw;
    // oneDNN takes what it only reads as mutable, too.
    dnnl::memory from(desc_of(weight_dims(g_, outputs), plain), engine(), const_cast<float*>(rows));
    dnnl::memory to(desc.weights_desc(), engine(), packed);
    dnnl::stream stream(engine());
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
  }

  void run_piece(const Bindings& bindings, std::int64_t image, const Piece& piece,
                 int worker) const noexcept {
    const OneThread one_thread;
    const auto memory = [](const dnnl::memory::desc& desc, const void* data) {
      return dnnl::memory(desc, engine(), const_cast<void*>(data));
    };
    const auto* src = static_cast<const float*>(bindings.inputs[0]) + src_.offset(image, 0);
    auto* dst =
        static_cast<float*>(bindings.outputs[0]) + dst_.offset(image, piece.first / kChannelBlock);
    auto* scratch = static_cast<char*>(bindings.workspace) + worker * scratch_bytes_;
    dnnl::stream stream(engine());
    piece.primitive.execute(stream,
                            {{DNNL_ARG_SRC, memory(piece.desc.src_desc(), src)},
                             {DNNL_ARG_WEIGHTS, memory(piece.desc.weights_desc(), piece.weight)},
                             {DNNL_ARG_BIAS, memory(piece.desc.bias_desc(), piece.bias)},
                             {DNNL_ARG_DST, memory(piece.desc.dst_desc(), dst)},
                             {DNNL_ARG_SCRATCHPAD, memory(piece.desc.scratchpad_desc(), scratch)}});
    stream.wait();
  }

  ConvGeometry g_;
  cpu::BlockedTensor src_, dst_;
  int threads_;
  std::int64_t scratch_bytes_ = 0;
  std::vector<Piece> pieces_;
};

class Conv final : public Tactic {
 public:
  std::string_view name() const override { return "onednn.conv.f32"; }

  std::optional<std::string> refuse(const Region& region) const override {
    if (cpu::usable_isa() < cpu::Isa::kAvx512) return "needs AVX-512";
    if (region.nodes.size() != 1) return "runs one convolution at a time";
    if (auto reason = cpu::refuse_convs(region)) return reason;
    if (region.nodes[0].epilogue.has_residual) return "it has a residual";
    const ConvGeometry g = cpu::geometry_of(region, region.nodes[0]);
    for (const std::int64_t extent : {g.channels, g.height, g.width, g.outputs, g.out_height,
                                      g.out_width, g.kernel_h, g.kernel_w, g.pad_h, g.pad_w})
      if (extent > kMostExtent) return "an extent is too large";
    if (g.images > ThreadPool::kMaxTasks / channel_blocks(g.outputs)) return "too many images";
    if (g.group != 1 && !is_depthwise(g) &&
        (g.channels / g.group % kChannelBlock != 0 || g.outputs / g.group % kChannelBlock != 0))
      return "its groups are not whole blocks";
    const auto desc = describe(g, g.outputs, region.nodes[0].epilogue);
    if (!desc) return "oneDNN has no kernel for its layouts";
    if (std::string_view(desc.impl_info_str()).find("jit") != 0)
      return fmt::format("oneDNN would run {}", desc.impl_info_str());
    return std::nullopt;
  }

  Requirements requirements(const Region& region) const override {
    return cpu::requirements_in(region, cpu::kBlockedF32);
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return std::make_unique<ConvStep>(region, context);
  }

 private:
  static constexpr std::int64_t kMostExtent = 1 << 20;
};

}  // namespace

std::unique_ptr<const Tactic> make_conv() { return std::make_unique<Conv>(); }

}  // namespace kissa::onednn
