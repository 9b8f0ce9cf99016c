#include <sys/mman.h>

#include <algorithm>

#include "backends/cpu/cpu.h"
#include "base/error.h"
#include "base/system.h"

namespace kissa::cpu {
namespace {

// Mapped on its own: zeroed by the kernel, given back whole, on huge pages where it is large.
class MappedBuffer final : public Buffer {
 public:
  MappedBuffer(void* data, std::int64_t bytes) : Buffer(data, bytes) {}
  ~MappedBuffer() override { munmap(data(), static_cast<std::size_t>(bytes())); }
};

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(int threads) : threads_(threads) {}

  std::string name() const override { return "cpu"; }
  std::int64_t available_memory() const override { return kissa::available_memory(); }

  std::unique_ptr<Buffer> allocate(std::int64_t bytes) override {
    const auto size = static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1));
    void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
      fail(ErrorCode::kOutOfMemory, "could not allocate {} bytes of memory", bytes);
    madvise(data, size, MADV_HUGEPAGE);
    return std::make_unique<MappedBuffer>(data, static_cast<std::int64_t>(size));
  }

  std::unique_ptr<Stream> create_stream() override { return std::make_unique<CpuStream>(threads_); }

 private:
  int threads_;
};

}  // namespace

std::unique_ptr<Device> create_device(int threads) {
  return std::make_unique<CpuDevice>(threads > 0 ? threads : usable_threads());
}

}  // namespace kissa::cpu
