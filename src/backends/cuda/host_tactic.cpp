// cuda.host.reference: an op without a kernel, by its reference on the CPU, between copies.
#include <map>
#include <mutex>

#include "backends/cuda/stream.h"
#include "backends/cuda/tactics.h"

namespace kissa::cuda {
namespace {

// The host's copies of what the op reads and writes, of one context.
class Frame {
 public:
  explicit Frame(const Region& region) : region_(region) {
    for (const Region::Value& value : region.values)
      data_.emplace_back(
          value.constant != nullptr ? 0 : static_cast<std::size_t>(value.desc.shape.elements()));
  }
  void* data(int value) { return data_[static_cast<std::size_t>(value)].data(); }

  void compute() {
    const Region::Node& node = region_.nodes.front();
    std::vector<ConstTensor> x;
    std::vector<Tensor> y;
    for (const auto* values : {&node.inputs, &node.params})
      for (const int i : *values) {
        const Region::Value& value = region_.value(i);
        const auto* own = static_cast<const float*>(data(i));
        x.push_back({value.constant != nullptr ? value.constant : own, value.desc.shape});
      }
    for (const int i : node.outputs)
      y.push_back({static_cast<float*>(data(i)), region_.value(i).desc.shape});
    run_reference(node.op, x, y);
  }

 private:
  const Region& region_;
  std::vector<std::vector<float>> data_;
};

class HostStep final : public Step {
 public:
  explicit HostStep(const Region& region) : region_(region) {}

  std::int64_t workspace_bytes() const override { return 1; }  // its address names the context

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    Frame& frame = frame_of(bindings.workspace);
    cudaStream_t handle = handle_of(stream);
    for (std::size_t i = 0; i < region_.inputs.size(); ++i)
      cudaMemcpyAsync(frame.data(region_.inputs[i]), bindings.inputs[i],
                      bytes_of(region_.inputs[i]), cudaMemcpyDeviceToHost, handle);
    cudaLaunchHostFunc(
        handle, [](void* own) { static_cast<Frame*>(own)->compute(); }, &frame);
    for (std::size_t i = 0; i < region_.outputs.size(); ++i)
      cudaMemcpyAsync(bindings.outputs[i], frame.data(region_.outputs[i]),
                      bytes_of(region_.outputs[i]), cudaMemcpyHostToDevice, handle);
  }

 private:
  std::size_t bytes_of(int value) const {
    return static_cast<std::size_t>(region_.value(value).desc.shape.elements()) * sizeof(float);
  }
  // Made in a context's first run, which records it.
  Frame& frame_of(const void* context) const {
    const std::scoped_lock lock(mutex_);
    return frames_.try_emplace(context, region_).first->second;
  }

  Region region_;
  mutable std::mutex mutex_;
  mutable std::map<const void*, Frame> frames_;
};

class HostTactic final : public Tactic {
 public:
  std::string_view name() const override { return "cuda.host.reference"; }
  std::optional<std::string> refuse(const Region& region) const override {
    if (region.nodes.size() != 1) return "runs one op at a time";
    if (!region.nodes[0].epilogue.empty()) return "it has an epilogue";
    for (const Region::Value& value : region.values)
      if (value.desc.format != Format{}) return "reads and writes row-major FP32 only";
    return std::nullopt;
  }
  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    return std::make_unique<HostStep>(region);
  }
};

}  // namespace

const Tactic& host_tactic() {
  static const HostTactic kTactic;
  return kTactic;
}

}  // namespace kissa::cuda
