// The CUDA backend: NVIDIA GPUs. A program that has it starts and runs without a driver; only
// creating the device asks for one.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace kissa::cuda {

// Throws kDevice, saying why, where the machine has no such GPU, or none that this build has
// machine code for.
std::unique_ptr<Device> create_device(const DeviceOptions& options);
TacticList tactics(Mode mode, Precision precision);

}  // namespace kissa::cuda
