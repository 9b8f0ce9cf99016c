#include "import/caffe/import.h"

#include "import/caffe/builder.h"
#include "import/caffe/network_file.h"
#include "import/caffe/upgrade.h"

namespace kissa {

Graph import_caffe(const std::string& prototxt, const std::string& caffemodel,
                   const ImportOptions& options) {
  return import_caffe(read_network_text(prototxt), caffemodel, options);
}

NetworkText read_network_text(const std::string& prototxt) {
  return {prototxt, caffe::read_text(prototxt)};
}

Graph import_caffe(const NetworkText& prototxt, const std::string& caffemodel,
                   const ImportOptions& options) {
  caffe::NetworkFile file = caffe::parse_network(prototxt.text, prototxt.path);
  caffe::upgrade(file);
  std::optional<caffe::WeightFile> weights;
  if (!caffemodel.empty()) weights.emplace(caffemodel);
  return caffe::Builder(file, options, weights ? &*weights : nullptr).build();
}

}  // namespace kissa
