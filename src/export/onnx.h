// A graph as an ONNX file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace kissa {

inline constexpr int kMinOpset = 13;
inline constexpr int kMaxOpset = 21;

struct OnnxExport {
  int opset = kMinOpset;
  // LRN across channels as a convolution and roots, where an engine's own LRN is slow.
  bool expand_lrn = false;
  // Blobs that become the outputs in place of the graph's; only what they need is written.
  std::vector<std::string> outputs = {};
  std::string version = {};  // of Kissa, for the file
};

// Writes operators of ONNX's own domain that compute what the graph does, for the shapes that it
// has. Inputs and outputs bear the blobs' names (an output that is called as an input is, a number
// behind it). Throws kInvalidArgument on an opset out of range or an unknown blob, kUnsupported
// with the layer in front on what ONNX cannot say, kInvalidModel where a constant has no numbers;
// then no file is left.
void export_onnx(const Graph& graph, const std::string& path, const OnnxExport& options);

// Whether ONNX can say the op of that name, with some parameters at least.
bool has_onnx(std::string_view op_name);

}  // namespace kissa
