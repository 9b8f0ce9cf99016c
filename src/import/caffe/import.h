// Caffe's files -> Graph. Caffe's words (blob, bottom, top, layer) stop behind this header.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace kissa {

struct ImportOptions {
  // By the input blob's name; overrides the shape that the file gives, or supplies one.
  std::unordered_map<std::string, Shape> input_shapes;
  // The state that the layers' include and exclude rules are matched against.
  bool train_phase = false;
  std::vector<std::string> stages;
  int level = 0;
  // Fills the parameters that the weight file lacks (all, without a weight file) with random values
  // that depend only on the seed, the layer's name and the blob's index. Otherwise they stay
  // without data.
  std::optional<std::uint64_t> random_seed;
};

// Reads a network definition (text, in any of Caffe's three formats: V0, V1, V2) and, unless the
// second path is empty, its weights. The outputs are the blobs that no layer reads, sorted by name,
// as in Caffe. Errors name the file, the line, the layer and the reason; what is left out of the
// network (data, losses) is logged with its reason.
Graph import_caffe(const std::string& prototxt, const std::string& caffemodel,
                   const ImportOptions& options);

// The same in two steps, of a text that may be kept. `path` is for messages.
struct NetworkText {
  std::string path;
  std::string text;
};
NetworkText read_network_text(const std::string& prototxt);
Graph import_caffe(const NetworkText& prototxt, const std::string& caffemodel,
                   const ImportOptions& options);

// The layer types that have a meaning here, sorted by name, and whether they can be imported.
struct CaffeLayerType {
  std::string_view name;
  bool is_supported;
};
std::vector<CaffeLayerType> caffe_layer_types();

// A file that holds one BlobProto, such as mean.binaryproto.
struct BlobFile {
  Shape shape;  // legacy files: num x channels x height x width
  std::vector<float> data;
};
BlobFile read_blob_file(const std::string& path);

}  // namespace kissa
