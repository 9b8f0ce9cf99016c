#include "import/caffe/import.h"

#include "import/caffe/builder.h"
#include "import/caffe/upgrade.h"

namespace kissa {

Graph import_caffe(const std::string& prototxt, const std::string& caffemodel,
                   const ImportOptions& options) {
  caffe::NetworkFile file = caffe::read_network_file(prototxt);
  caffe::upgrade(file);
  std::optional<caffe::WeightFile> weights;
  if (!caffemodel.empty()) weights.emplace(caffemodel);
  return caffe::Builder(file, options, weights ? &*weights : nullptr).build();
}

}  // namespace kissa
