#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "backends/cpu/cpu.h"
#include "backends/cpu/isa.h"
#include "base/error.h"
#include "base/system.h"

namespace kissa::cpu {
namespace {

constexpr std::int64_t kHugePage = std::int64_t{2} << 20;

std::int64_t round_up(std::int64_t bytes, std::int64_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

// Zeroed memory of its own, on huge pages where it is large: a start on a huge page's border is
// what the kernel needs for that.
class Mapping {
 public:
  explicit Mapping(std::int64_t bytes)
      : bytes_(round_up(std::max<std::int64_t>(bytes, 1), 4096) + kHugePage) {
    base_ = mmap(nullptr, static_cast<std::size_t>(bytes_), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base_ == MAP_FAILED)
      fail(ErrorCode::kOutOfMemory, "could not allocate {:.1f} GB of memory",
           static_cast<double>(bytes) * 1e-9);
    madvise(base_, static_cast<std::size_t>(bytes_), MADV_HUGEPAGE);
  }
  ~Mapping() { munmap(base_, static_cast<std::size_t>(bytes_)); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  char* data() const {
    return reinterpret_cast<char*>(
        round_up(static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(base_)), kHugePage));
  }

 private:
  void* base_;
  std::int64_t bytes_;
};

class CpuBuffer final : public Buffer {
 public:
  CpuBuffer(std::unique_ptr<Mapping> mapping, std::int64_t bytes)
      : Buffer(mapping->data(), bytes), mapping_(std::move(mapping)) {}

 private:
  std::unique_ptr<Mapping> mapping_;
};

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  return "cpu";
}

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(int threads) : threads_(threads) {}

  std::string name() const override { return "cpu"; }
  std::string description() const override {
    return fmt::format("{}, {}, L2 {} KiB, {} threads", processor_name(), to_string(usable_isa()),
                       l2_bytes() >> 10, threads_);
  }
  std::int64_t available_memory() const override { return kissa::available_memory(); }
  int threads() const override { return threads_; }
  std::string isa() const override { return std::string(to_string(usable_isa())); }

  std::unique_ptr<Buffer> allocate(std::int64_t bytes) override {
    return std::make_unique<CpuBuffer>(std::make_unique<Mapping>(bytes), bytes);
  }

  std::unique_ptr<Stream> create_stream() override { return std::make_unique<CpuStream>(threads_); }
  std::vector<std::pair<std::string, std::string>> facts() const override {
    std::vector<std::pair<std::string, std::string>> facts = {
        {"ISA of the processor", std::string(to_string(host_isa()))},
        {"processors online", std::to_string(sysconf(_SC_NPROCESSORS_ONLN))}};
    const auto add = [&](const char* name, int key) {
      if (const long bytes = sysconf(key); bytes > 0)
        facts.emplace_back(name, fmt::format("{} KiB", bytes >> 10));
    };
    add("L1 data cache", _SC_LEVEL1_DCACHE_SIZE);
    add("L2 cache", _SC_LEVEL2_CACHE_SIZE);
    add("L3 cache", _SC_LEVEL3_CACHE_SIZE);
    return facts;
  }
  DevicePeaks measure_peaks() override { return cpu::measure_peaks(threads_); }

 private:
  int threads_;
};

}  // namespace

std::unique_ptr<Device> create_device(int threads) {
  return std::make_unique<CpuDevice>(threads > 0 ? threads : usable_threads());
}

}  // namespace kissa::cpu
