// What a GPU can do at most.
#pragma once

#include "device/device.h"

namespace kissa::cuda {

std::vector<std::pair<std::string, std::string>> facts_of(int index);
// Precisions that the GPU has no matrix units for are left out.
DevicePeaks measure_peaks(int index, Device& device);

}  // namespace kissa::cuda
