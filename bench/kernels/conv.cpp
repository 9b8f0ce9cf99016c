// Times the convolution tactics of fused mode, one by one, on GoogLeNet's layers:
//   bench_conv [threads [batch [part of a layer's or tactic's name]]]
// hot (the layer again and again) and cold (other memory read before), the least of many short
// runs, as a part of the peak that the same run measured. KISSA_MAX_ISA picks the kernels.
// A layer alone chooses its tactic wrongly by up to 10 %: the planner measures in the whole
// network.
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "backends/cpu/cpu.h"
#include "backends/cpu/tactics.h"
#include "timing.h"

namespace kissa::cpu {
namespace {

// Multiply-adds a microsecond of one thread.
double measure_peak(const Kernels& kernels) {
  constexpr long kRounds = 100000;
  double least = 1e30;
  for (int i = 0; i < 50; ++i) {
    const double start = now(1);
    keep(kernels.peak(kRounds));
    least = std::min(least, now(1) - start);
  }
  return static_cast<double>(kRounds) * kPeakVecs * kernels.lanes / least;
}

struct Layer {
  std::string name;
  Shape in;
  std::vector<Convolution> convs;
};

Convolution square(std::int64_t outputs, std::int64_t kernel, std::int64_t stride = 1) {
  const std::int64_t pad = kernel / 2;
  return {.num_output = outputs,
          .kernel = {kernel, kernel},
          .stride = {stride, stride},
          .pad = {pad, pad},
          .dilation = {1, 1}};
}

std::vector<Layer> googlenet(std::int64_t batch) {
  std::vector<Layer> layers = {{"conv1", {batch, 3, 224, 224}, {square(64, 7, 2)}},
                               {"conv2 1x1", {batch, 64, 56, 56}, {square(64, 1)}},
                               {"conv2 3x3", {batch, 64, 56, 56}, {square(192, 3)}}};
  struct Module {
    const char* name;
    std::int64_t in, size, one, reduce3, three, reduce5, five, projection;
  };
  constexpr Module kModules[] = {
      {"3a", 192, 28, 64, 96, 128, 16, 32, 32},     {"3b", 256, 28, 128, 128, 192, 32, 96, 64},
      {"4a", 480, 14, 192, 96, 208, 16, 48, 64},    {"4b", 512, 14, 160, 112, 224, 24, 64, 64},
      {"4c", 512, 14, 128, 128, 256, 24, 64, 64},   {"4d", 512, 14, 112, 144, 288, 32, 64, 64},
      {"4e", 528, 14, 256, 160, 320, 32, 128, 128}, {"5a", 832, 7, 256, 160, 320, 32, 128, 128},
      {"5b", 832, 7, 384, 192, 384, 48, 128, 128}};
  for (const Module& m : kModules) {
    const auto add = [&](const char* part, std::int64_t channels, std::vector<Convolution> convs) {
      layers.push_back({fmt::format("{} {}", m.name, part),
                        {batch, channels, m.size, m.size},
                        std::move(convs)});
    };
    add("1x1 merged", m.in, {square(m.one, 1), square(m.reduce3, 1), square(m.reduce5, 1)});
    add("3x3", m.reduce3, {square(m.three, 3)});
    add("5x5", m.reduce5, {square(m.five, 5)});
    add("1x1 projection", m.in, {square(m.projection, 1)});
  }
  return layers;
}

// A layer's region with its data.
class Data {
 public:
  Data(const Layer& layer, Device& device) : device_(device) {
    const int x = add_value(layer.in);
    region_.inputs = {x};
    for (const Convolution& conv : layer.convs) {
      const auto params = conv.params({layer.in});
      Region::Node node{.op = conv, .epilogue = {.activation = Activation::kRelu}, .inputs = {x}};
      for (const ParamSpec& param : params) node.params.push_back(add_constant(param.shape));
      node.outputs = {add_value(conv.infer({layer.in})[0])};
      region_.outputs.push_back(node.outputs[0]);
      multiply_adds_ += conv.arithmetic({layer.in}, conv.infer({layer.in})).multiply_adds;
      region_.nodes.push_back(std::move(node));
    }
  }

  const Region& region() const { return region_; }
  std::int64_t multiply_adds() const { return multiply_adds_; }

  // The region in the formats that a tactic wants, with memory for them.
  Region in_formats(const Requirements& need) {
    Region region = region_;
    inputs_.clear();
    outputs_.clear();
    bind(region, region.inputs, need.inputs, inputs_);
    bind(region, region.outputs, need.outputs, outputs_);
    return region;
  }
  Bindings bindings(void* workspace) const { return {inputs_, outputs_, workspace}; }

 private:
  int add_value(const Shape& shape) {
    region_.values.push_back({.desc = {.shape = shape}});
    return static_cast<int>(region_.values.size()) - 1;
  }

  float* random_floats(std::int64_t bytes) {
    buffers_.push_back(device_.allocate(bytes));
    auto* data = static_cast<float*>(buffers_.back()->data());
    for (std::int64_t i = 0; i < bytes / 4; ++i)
      data[i] = static_cast<float>(i * 2654435761 % 1024) / 1024.0f - 0.5f;
    return data;
  }

  int add_constant(const Shape& shape) {
    const int value = add_value(shape);
    region_.values.back().constant = random_floats(shape.elements() * 4);
    return value;
  }

  void bind(Region& region, const std::vector<int>& values, const std::vector<Format>& formats,
            std::vector<void*>& memory) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      TensorDesc& desc = region.values[static_cast<std::size_t>(values[i])].desc;
      desc.format = formats[i];
      if (is_blocked(desc.format.layout)) desc.image_stride = desc.image_elements();
      memory.push_back(random_floats(desc.bytes()));
    }
  }

  Device& device_;
  Region region_;
  std::int64_t multiply_adds_ = 0;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::vector<void*> inputs_, outputs_;
};

void bench(int threads, std::int64_t batch, const std::string& filter) {
  const auto device = create_device(threads);
  const auto stream = device->create_stream();
  const Kernels& kernels = *kernels_up_to(usable_isa()).front();
  const double peak = measure_peak(kernels) * threads;
  fmt::print("{}, {} threads, batch {}, peak {:.1f} GFLOP/s\n", kernels.isa, threads, batch,
             peak * 2e-3);
  const TacticList bf16 = fused_bf16_tactics(usable_isa());
  const TacticList list = bf16.empty() ? fused_tactics(usable_isa()) : bf16;
  const Stopwatch stopwatch(threads);
  Times sum{.hot = 0.0, .cold = 0.0};
  for (const Layer& layer : googlenet(batch)) {
    Data data(layer, *device);
    Times best;
    for (const Tactic* tactic : list) {
      const std::string name = fmt::format("{:16} {}", layer.name, tactic->name());
      if (name.find("cpu.conv.") == std::string::npos || name.find(filter) == std::string::npos ||
          tactic->refuse(data.region()))
        continue;
      const Region region = data.in_formats(tactic->requirements(data.region()));
      WeightArena arena(*device);
      const auto step = tactic->prepare(region, {arena, threads});
      const auto workspace = device->allocate(step->workspace_bytes());
      const Bindings bindings = data.bindings(workspace->data());
      const Times times = stopwatch.measure([&] { step->run(bindings, *stream); });
      const auto part = [&](double time) {
        return 100.0 * static_cast<double>(data.multiply_adds()) / time / peak;
      };
      fmt::print("{:56} hot {:8.1f} us {:5.1f} %  cold {:8.1f} us {:5.1f} %\n", name, times.hot,
                 part(times.hot), times.cold, part(times.cold));
      best.hot = std::min(best.hot, times.hot);
      best.cold = std::min(best.cold, times.cold);
    }
    if (best.hot == 1e30) continue;
    sum.hot += best.hot;
    sum.cold += best.cold;
  }
  fmt::print("sum of the best: hot {:.2f} ms, cold {:.2f} ms\n", sum.hot * 1e-3, sum.cold * 1e-3);
}

}  // namespace
}  // namespace kissa::cpu

int main(int argc, char** argv) {
  const auto number = [&](int i, int otherwise) {
    return argc > i ? std::atoi(argv[i]) : otherwise;
  };
  kissa::cpu::bench(std::max(number(1, 1), 1), std::max(number(2, 1), 1), argc > 3 ? argv[3] : "");
  return 0;
}
