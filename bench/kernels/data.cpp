// Times the tactics of fused mode besides convolution, in FP32 and where there are such in BF16,
// one by one, on GoogLeNet's layers:
//   bench_data [threads [batch [part of a layer's or tactic's name]]]
// hot (the layer again and again) and cold (other memory read before), the least of many short
// runs, beside the floor: reading as many bytes as flow in (weights among them) and writing as many
// as flow out, with the same threads in the same run. KISSA_MAX_ISA picks the kernels.
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string>

#include "backends/cpu/cpu.h"
#include "backends/cpu/kernel_tactic.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/tactics.h"
#include "timing.h"

namespace kissa::cpu {
namespace {

struct Layer {
  std::string name;
  std::vector<Op> ops;  // a chain
  Shape in;
  Requirements formats = {};  // of an Identity: what to reorder
  Shapes more = {};           // further inputs
};

std::vector<Layer> googlenet(std::int64_t batch) {
  const auto pool = [](std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
    return Pooling{.kernel = {kernel, kernel}, .stride = {stride, stride}, .pad = {pad, pad}};
  };
  const Lrn lrn = {.size = 5, .alpha = 1e-4f, .beta = 0.75f};
  Pooling average = pool(7, 1, 0);
  average.method = PoolMethod::kAverage;
  const Format rows = {};
  const Format blocked = kBlockedF32;
  const Format bf16 = kBlockedBf16;
  return {
      {"pool1", {pool(3, 2, 0)}, {batch, 64, 112, 112}},
      {"norm1", {lrn}, {batch, 64, 56, 56}},
      {"pool1 + norm1", {pool(3, 2, 0), lrn}, {batch, 64, 112, 112}},
      {"norm2", {lrn}, {batch, 192, 56, 56}},
      {"pool2", {pool(3, 2, 0)}, {batch, 192, 56, 56}},
      {"norm2 + pool2", {lrn, pool(3, 2, 0)}, {batch, 192, 56, 56}},
      {"3a pool", {pool(3, 1, 1)}, {batch, 192, 28, 28}},
      {"pool3", {pool(3, 2, 0)}, {batch, 480, 28, 28}},
      {"4b pool", {pool(3, 1, 1)}, {batch, 512, 14, 14}},
      {"pool4", {pool(3, 2, 0)}, {batch, 832, 14, 14}},
      {"5a pool", {pool(3, 1, 1)}, {batch, 832, 7, 7}},
      {"pool5", {average}, {batch, 1024, 7, 7}},
      {"classifier", {InnerProduct{.num_output = 1000}}, {batch, 1024, 1, 1}},
      {"prob", {Softmax{}}, {batch, 1000}},
      {"AlexNet fc6", {InnerProduct{.num_output = 4096}}, {batch, 256, 6, 6}},
      {"relu 56x56", {Relu{}}, {batch, 192, 56, 56}},
      {"sigmoid 56x56", {Sigmoid{}}, {batch, 192, 56, 56}},
      {"tanh 56x56", {TanH{}}, {batch, 192, 56, 56}},
      {"prelu 56x56", {PRelu{}}, {batch, 192, 56, 56}},
      {"4a concat",
       {Concat{}},
       {batch, 192, 14, 14},
       {},
       {{batch, 208, 14, 14}, {batch, 48, 14, 14}, {batch, 64, 14, 14}}},
      {"sum 56x56", {Eltwise{}}, {batch, 256, 56, 56}, {}, {{batch, 256, 56, 56}}},
      {"to blocked, 3 channels", {Identity{}}, {batch, 3, 224, 224}, {{rows}, {blocked}}},
      {"to blocked", {Identity{}}, {batch, 192, 28, 28}, {{rows}, {blocked}}},
      {"from blocked", {Identity{}}, {batch, 192, 28, 28}, {{blocked}, {rows}}},
      {"to BF16", {Identity{}}, {batch, 192, 28, 28}, {{rows}, {bf16}}},
      {"from BF16", {Identity{}}, {batch, 192, 28, 28}, {{bf16}, {rows}}},
      {"blocks to BF16", {Identity{}}, {batch, 192, 28, 28}, {{blocked}, {bf16}}},
      {"blocks from BF16", {Identity{}}, {batch, 192, 28, 28}, {{bf16}, {blocked}}},
  };
}

// A chain's region with its data.
class Data {
 public:
  Data(const Layer& layer, Device& device) : device_(device) {
    std::vector<int> flow = {add_value(layer.in)};
    for (const Shape& shape : layer.more) flow.push_back(add_value(shape));
    region_.inputs = flow;
    for (const Op& op : layer.ops) {
      Shapes in;
      for (const int value : flow) in.push_back(region_.value(value).desc.shape);
      Region::Node node{.op = op, .inputs = flow};
      for (const ParamSpec& param : params_of(op, in)) {
        node.params.push_back(add_value(param.shape));
        region_.values.back().constant = random_floats(param.shape.elements() * 4);
        params_ += param.shape.elements();
      }
      node.outputs = {add_value(infer(op, in)[0])};
      flow = node.outputs;
      region_.nodes.push_back(std::move(node));
    }
    region_.outputs = flow;
    if (!layer.formats.inputs.empty()) set_formats(layer.formats);
  }

  const Region& region() const { return region_; }
  // In the formats that were prepared, and with parameters of `param_size` bytes each.
  std::int64_t read_bytes(std::int64_t param_size) const {
    std::int64_t bytes = params_ * param_size;
    for (const int input : region_.inputs) bytes += region_.value(input).desc.bytes();
    return bytes;
  }
  std::int64_t write_bytes() const { return region_.value(region_.outputs[0]).desc.bytes(); }

  // Gives the region the formats that a tactic wants, and memory for them.
  void prepare_for(const Tactic& tactic) {
    set_formats(tactic.requirements(region_));
    for (const int input : region_.inputs)
      inputs_.push_back(random_floats(region_.value(input).desc.bytes()));
    output_ = random_floats(region_.value(region_.outputs[0]).desc.bytes());
  }
  Bindings bindings(void* workspace) const { return {inputs_, {&output_, 1}, workspace}; }

 private:
  TensorDesc& desc_of(int value) { return region_.values[static_cast<std::size_t>(value)].desc; }

  void set_formats(const Requirements& formats) {
    for (std::size_t i = 0; i < region_.inputs.size(); ++i)
      desc_of(region_.inputs[i]).format = formats.inputs[i];
    desc_of(region_.outputs[0]).format = formats.outputs[0];
  }

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

  Device& device_;
  Region region_;
  std::int64_t params_ = 0;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::vector<void*> inputs_;
  void* output_ = nullptr;
};

Times measure_floor(std::int64_t read_bytes, std::int64_t write_bytes, const Kernels& kernels,
                    Device& device, Stream& stream, const Stopwatch& stopwatch) {
  constexpr std::int64_t kUnit = 4096;  // bytes
  const std::int64_t reads = read_bytes / kUnit;
  const std::int64_t writes = write_bytes / kUnit;
  const auto from = device.allocate((reads + 1) * kUnit);
  const auto to = device.allocate((writes + 1) * kUnit);
  auto* src = static_cast<float*>(from->data());
  std::fill(src, src + reads * kUnit / 4, 1.0f);  // untouched pages would share one of zeros
  auto* dst = static_cast<float*>(to->data());
  return stopwatch.measure([&] {
    parallel_for(stream, reads, kUnit, [&](std::int64_t begin, std::int64_t end) {
      float sums[kChannelBlock];
      if (begin < end)
        kernels.f32.pool.global_average(src + begin * kUnit / 4, (end - begin) * kUnit / 64, sums);
    });
    parallel_for(stream, writes, kUnit, [&](std::int64_t begin, std::int64_t end) {
      std::fill(dst + begin * kUnit / 4, dst + end * kUnit / 4, 1.0f);
    });
  });
}

bool is_bf16(const Tactic& tactic) {
  return tactic.name().find(".bf16.") != std::string_view::npos;
}

// The tactics of FP32, and those besides that store or multiply in BF16.
std::vector<const Tactic*> tactics_to_time() {
  const TacticList fp32 = fused_tactics(usable_isa());
  const TacticList bf16 = fused_bf16_tactics(usable_isa());
  std::vector<const Tactic*> all(fp32.begin(), fp32.end());
  std::copy_if(bf16.begin(), bf16.end(), std::back_inserter(all),
               [](const Tactic* tactic) { return is_bf16(*tactic); });
  return all;
}

void bench(int threads, std::int64_t batch, const std::string& filter) {
  const auto device = create_device(threads);
  const auto stream = device->create_stream();
  const Kernels& kernels = *kernels_up_to(usable_isa()).front();
  fmt::print("{}, {} threads, batch {}\n", kernels.isa, threads, batch);
  const Stopwatch stopwatch(threads);
  for (const Layer& layer : googlenet(batch)) {
    for (const Tactic* tactic : tactics_to_time()) {
      const std::string name = fmt::format("{:24} {}", layer.name, tactic->name());
      Data data(layer, *device);
      if (tactic->name() == reference().name() || name.find(filter) == std::string::npos ||
          tactic->refuse(data.region()))
        continue;
      data.prepare_for(*tactic);
      WeightArena arena(*device);
      const auto step = tactic->prepare(data.region(), {arena, threads});
      const auto workspace = device->allocate(step->workspace_bytes());
      const Bindings bindings = data.bindings(workspace->data());
      const Times times = stopwatch.measure([&] { step->run(bindings, *stream); });
      const std::int64_t reads =
          data.read_bytes(size_of(is_bf16(*tactic) ? DataType::kBF16 : DataType::kF32));
      const std::int64_t writes = data.write_bytes();
      const Times floor = measure_floor(reads, writes, kernels, *device, *stream, stopwatch);
      const auto bytes = static_cast<double>(reads + writes);
      fmt::print("{:66} hot {:7.1f} us {:6.1f} GB/s, floor {:7.1f}   cold {:7.1f}, floor {:7.1f}\n",
                 name, times.hot, bytes / times.hot * 1e-3, floor.hot, times.cold, floor.cold);
    }
  }
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
