// The devices of this machine, and what they can do at most.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kissa/types.h"

namespace kissa {

struct DeviceInfo {
  std::string name;         // as EngineOptions::device takes it: "cpu", "cuda:0"
  std::string description;  // model and what of it is used: what measured times depend on
  std::string isa;          // "avx512", "sm_90"
  int units = 0;            // processors that this process may use, or multiprocessors
  std::int64_t memory = 0;  // bytes that are free
  // More for people to read, in order: {"L2 cache", "2048 KiB"}.
  std::vector<std::pair<std::string, std::string>> facts = {};
};

// Of this build's kinds of devices, those that the machine has; why others are not there is logged.
std::vector<DeviceInfo> devices();

// Two operations a multiply-add, in 10^9 a second; 0: not known.
struct PeakRate {
  Precision precision = Precision::kFp32;
  double gflops = 0;          // measured on registers, or as near to them as the device allows
  double nominal_gflops = 0;  // clock x units x operations a clock
};

struct DevicePeaks {
  std::vector<PeakRate> rates = {};
  double bandwidth = 0;          // 10^9 bytes a second: read and written, measured on large arrays
  double nominal_bandwidth = 0;  // 0: not known
};

// Takes about a second. `threads`: of a CPU; 0: all that this process may use.
DevicePeaks measure_peaks(const std::string& device, int threads = 0);

}  // namespace kissa
