// cuda.host.reference: an op without a kernel, by its reference on the CPU, between copies.
#include <map>
#include <memory>
#include <mutex>

#include "backends/cuda/node_step.h"
#include "backends/cuda/tactics.h"
#include "backends/reference.h"

namespace kissa::cuda {
namespace {

// The host's copies of what the op reads and writes, of one context. Pinned: a copy from other
// memory would read it when it is enqueued.
class Frame {
 public:
  explicit Frame(const Region& region) : region_(region) {
    std::size_t count = 0;
    for (const Region::Value& value : region.values) {
      first_.push_back(count);
      if (value.constant == nullptr) count += static_cast<std::size_t>(value.desc.shape.elements());
    }
    // A context records its first run, in which memory may be had only so.
    auto mode = cudaStreamCaptureModeRelaxed;
    cudaThreadExchangeStreamCaptureMode(&mode);
    void* data = nullptr;
    const cudaError_t status = cudaMallocHost(&data, (count + 1) * sizeof(float));
    cudaThreadExchangeStreamCaptureMode(&mode);
    check(status, "allocating memory that a GPU copies from");
    data_ = static_cast<float*>(data);
  }
  ~Frame() { cudaFreeHost(data_); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  float* data(int value) { return data_ + first_[static_cast<std::size_t>(value)]; }

  void compute() {
    run_by_reference(region_, [&](int value) { return data(value); });
  }

 private:
  const Region& region_;
  std::vector<std::size_t> first_;  // element of each value
  float* data_ = nullptr;
};

class HostStep final : public Step {
 public:
  // The first context's frame is made here, where a failure can be told.
  explicit HostStep(const Region& region)
      : region_(region), spare_(std::make_unique<Frame>(region_)) {}

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
  Frame& frame_of(const void* context) const {
    const std::scoped_lock lock(mutex_);
    std::unique_ptr<Frame>& frame = frames_[context];
    if (frame == nullptr)
      frame = spare_ != nullptr ? std::move(spare_) : std::make_unique<Frame>(region_);
    return *frame;
  }

  Region region_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Frame> spare_;
  mutable std::map<const void*, std::unique_ptr<Frame>> frames_;
};

class HostTactic final : public Tactic {
 public:
  std::string_view name() const override { return "cuda.host.reference"; }
  std::optional<std::string> refuse(const Region& region) const override {
    if (auto reason = refuse_node(region)) return reason;
    if (!region.nodes[0].epilogue.empty()) return "it has an epilogue";
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
