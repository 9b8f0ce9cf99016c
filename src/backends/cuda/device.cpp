#include <algorithm>
#include <memory>

#include "backends/cuda/cuda.h"
#include "backends/cuda/kernels/elementwise.h"
#include "backends/cuda/peaks.h"
#include "backends/cuda/stream.h"
#include "base/error.h"

namespace kissa::cuda {
namespace {

std::size_t size(std::int64_t bytes) { return static_cast<std::size_t>(bytes); }

// Memory of the device's pool, which keeps what is freed for the next that asks.
class DeviceBuffer final : public Buffer {
 public:
  DeviceBuffer(void* data, std::int64_t bytes, int device) : Buffer(data, bytes), device_(device) {}
  ~DeviceBuffer() override {
    cudaSetDevice(device_);
    cudaFreeAsync(data(), nullptr);
  }

 private:
  int device_;
};

class PinnedBuffer final : public Buffer {
 public:
  PinnedBuffer(void* data, std::int64_t bytes) : Buffer(data, bytes) {}
  ~PinnedBuffer() override { cudaFreeHost(data()); }
};

class GraphRecording final : public Recording {
 public:
  GraphRecording(cudaGraphExec_t graph, const CudaStream& stream)
      : graph_(graph), stream_(stream) {}
  ~GraphRecording() override { cudaGraphExecDestroy(graph_); }
  GraphRecording(const GraphRecording&) = delete;
  GraphRecording& operator=(const GraphRecording&) = delete;
  void replay() override { check(cudaGraphLaunch(graph_, stream_.use()), "starting a graph"); }

 private:
  cudaGraphExec_t graph_;
  const CudaStream& stream_;
};

class CudaEvent final : public Event {
 public:
  CudaEvent() { check(cudaEventCreate(&event_), "creating an event"); }
  ~CudaEvent() override { cudaEventDestroy(event_); }
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

std::unique_ptr<Buffer> allocate_on(int device, std::int64_t bytes) {
  bytes = std::max<std::int64_t>(bytes, 1);
  check(cudaSetDevice(device), "choosing a GPU");
  void* data = nullptr;
  if (cudaMallocAsync(&data, size(bytes), nullptr) != cudaSuccess) {
    cudaGetLastError();
    std::size_t available = 0;
    std::size_t all = 0;
    cudaMemGetInfo(&available, &all);
    fail(ErrorCode::kOutOfMemory,
         "{:.3f} GB of GPU memory were asked for; {:.3f} of {:.3f} are free",
         static_cast<double>(bytes) * 1e-9, static_cast<double>(available) * 1e-9,
         static_cast<double>(all) * 1e-9);
  }
  auto buffer = std::make_unique<DeviceBuffer>(data, bytes, device);
  check(cudaMemsetAsync(data, 0, size(bytes), nullptr), "clearing GPU memory");
  check(cudaStreamSynchronize(nullptr), "clearing GPU memory");
  return buffer;
}

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(int index) : index_(index) {
    check(cudaGetDeviceProperties(&properties_, index), "asking a GPU for its properties");
    check(cudaDeviceGetDefaultMemPool(&pool_, index), "asking for a GPU's memory pool");
    std::uint64_t keep_all = UINT64_MAX;
    check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep_all),
          "setting up a GPU's memory pool");
  }

  std::string name() const override { return fmt::format("cuda:{}", index_); }
  std::string description() const override {
    return fmt::format("{} (compute capability {}.{}, {} multiprocessors)", properties_.name,
                       properties_.major, properties_.minor, properties_.multiProcessorCount);
  }
  std::string isa() const override {
    return fmt::format("sm_{}{}", properties_.major, properties_.minor);
  }
  bool is_host() const override { return false; }

  // What is free, and what the pool holds unused.
  std::int64_t available_memory() const override {
    check(cudaSetDevice(index_), "choosing a GPU");
    std::size_t available = 0;
    std::size_t all = 0;
    check(cudaMemGetInfo(&available, &all), "asking a GPU for its free memory");
    std::uint64_t reserved = 0;
    std::uint64_t used = 0;
    check(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrReservedMemCurrent, &reserved),
          "asking a GPU for its free memory");
    check(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrUsedMemCurrent, &used),
          "asking a GPU for its free memory");
    return static_cast<std::int64_t>(available + (reserved - used));
  }

  std::unique_ptr<Buffer> allocate(std::int64_t bytes) override {
    return allocate_on(index_, bytes);
  }
  std::unique_ptr<Buffer> allocate_host(std::int64_t bytes) override {
    bytes = std::max<std::int64_t>(bytes, 1);
    check(cudaSetDevice(index_), "choosing a GPU");
    void* data = nullptr;
    check(cudaHostAlloc(&data, size(bytes), cudaHostAllocDefault), "allocating pinned memory");
    std::memset(data, 0, size(bytes));
    return std::make_unique<PinnedBuffer>(data, bytes);
  }
  std::unique_ptr<Stream> create_stream() override { return std::make_unique<CudaStream>(index_); }
  int units() const override { return properties_.multiProcessorCount; }
  std::vector<std::pair<std::string, std::string>> facts() const override {
    return facts_of(index_);
  }
  DevicePeaks measure_peaks() override { return cuda::measure_peaks(index_, *this); }

 private:
  int index_;
  cudaDeviceProp properties_;
  cudaMemPool_t pool_ = nullptr;
};

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

// How many GPUs there are; throws where there is none, saying why.
int count_devices() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  cudaGetLastError();
  int driver = 0;
  int runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0)
    fail(ErrorCode::kDevice,
         "device cuda: this machine has no NVIDIA driver; install one, or run "
         "with --device cpu");
  if (status == cudaErrorInsufficientDriver)
    fail(ErrorCode::kDevice,
         "device cuda: the driver knows CUDA {}, and this program needs {}; "
         "install a newer driver, or run with --device cpu",
         version_text(driver), version_text(runtime));
  fail(ErrorCode::kDevice,
       "device cuda: this machine has no NVIDIA GPU ({}); run with --device cpu",
       status == cudaSuccess ? "none found" : cudaGetErrorString(status));
}

}  // namespace

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  const auto code =
      status == cudaErrorMemoryAllocation ? ErrorCode::kOutOfMemory : ErrorCode::kDevice;
  fail(code, "{} failed: {}", what, cudaGetErrorString(status));
}

CudaStream::CudaStream(int device) : device_(device) {
  check(cudaSetDevice(device), "choosing a GPU");
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
}

CudaStream::~CudaStream() {
  cudaSetDevice(device_);
  cudaStreamDestroy(stream_);
}

cudaStream_t CudaStream::use() const noexcept {
  cudaSetDevice(device_);
  return stream_;
}

void CudaStream::synchronize() {
  const cudaError_t status = cudaStreamSynchronize(use());
  check(status, "running on the GPU");
  check(cudaGetLastError(), "running on the GPU");
}

void CudaStream::copy(void* dst, const void* src, std::int64_t bytes) {
  check(cudaMemcpyAsync(dst, src, size(bytes), cudaMemcpyDefault, use()), "copying");
}

std::unique_ptr<Recording> CudaStream::record(const std::function<void()>& work) {
  // Once for real: kernels are loaded when they are first used, which a capture does not allow.
  work();
  synchronize();
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "recording a graph");
  work();
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream_, &graph), "recording a graph");
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  check(status, "preparing a graph");
  return std::make_unique<GraphRecording>(executable, *this);
}

std::unique_ptr<Event> CudaStream::create_event() {
  use();
  return std::make_unique<CudaEvent>();
}

void CudaStream::mark(Event& event) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(use(), &status), "marking a moment");
  // Inside a graph, an event that can be asked for its time after each replay.
  const bool recorded = status == cudaStreamCaptureStatusActive;
  check(cudaEventRecordWithFlags(static_cast<CudaEvent&>(event).get(), stream_,
                                 recorded ? cudaEventRecordExternal : cudaEventRecordDefault),
        "marking a moment");
}

double CudaStream::microseconds_between(const Event& first, const Event& last) const {
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, static_cast<const CudaEvent&>(first).get(),
                             static_cast<const CudaEvent&>(last).get()),
        "reading a time");
  return static_cast<double>(milliseconds) * 1e3;
}

std::unique_ptr<Device> create_device(const DeviceOptions& options) {
  const int count = count_devices();
  if (options.index >= count)
    fail(ErrorCode::kDevice,
         "there is no cuda:{}; this machine has {} GPU(s), from cuda:0 to cuda:{}", options.index,
         count, count - 1);
  auto device = std::make_unique<CudaDevice>(options.index);
  check(cudaSetDevice(options.index), "choosing a GPU");
  if (options.spin_wait) check(cudaSetDeviceFlags(cudaDeviceScheduleSpin), "setting up a GPU");
  if (!has_machine_code())
    fail(ErrorCode::kDevice, "cuda:{} is a {}, for which this program was not built", options.index,
         device->description());
  return device;
}

}  // namespace kissa::cuda
