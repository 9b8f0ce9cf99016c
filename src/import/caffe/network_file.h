// A network definition as its file holds it.
#pragma once

#include <string>
#include <vector>

#include "import/caffe/caffe.pb.h"

namespace kissa::caffe {

struct NetworkFile {
  std::string path;  // for messages
  NetParameter net;
  std::vector<int> lines;  // where each of net.layer (before the upgrade: net.layers) begins
  int input_line = 0;      // where the first `input` field stands, if there is one

  // "deploy.prototxt:71"; the path alone where there are no lines (0)
  std::string where(int line) const {
    return line == 0 ? path : path + ":" + std::to_string(line);
  }
};

// "deploy.prototxt:71: layer 'conv1' (Convolution)", of its place in front
std::string describe_layer(const LayerParameter& layer, const std::string& place);

// Errors are kInvalidFile and read "deploy.prototxt:2:56: expected ...": path, line, column,
// reason.
std::string read_text(const std::string& path);
NetworkFile parse_network(const std::string& text, std::string path);

}  // namespace kissa::caffe
