// NumPy's .npy files (format versions 1 to 3), as numpy.lib.format documents them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "kissa/kissa.h"

namespace kissa::tools {

struct NpyArray {
  Dims dims;
  std::vector<float> data;  // C order
};

// Reads little-endian arrays in C order of bool, int8 to uint64, float32 and float64; all become
// FP32. The header is held against the file's size before anything is allocated.
NpyArray read_npy(const std::string& path);

// Writes FP32. The file appears whole under its name or not at all.
void write_npy(const std::string& path, const Dims& dims, std::span<const float> data);

}  // namespace kissa::tools
