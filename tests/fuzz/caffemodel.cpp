// A weight file: as a network reads it, and upgraded to today's format.
#include <unistd.h>

#include <cstdio>

#include "fuzz.h"
#include "import/caffe/convert.h"
#include "import/caffe/import.h"

namespace kissa::fuzz {
namespace {

const NetworkText kNetwork = {"net.prototxt", R"(
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 1 dim: 2 dim: 2 } } }
layer { name: "c" type: "Convolution" bottom: "x" top: "c"
        convolution_param { num_output: 2 kernel_size: 1 } }
layer { name: "b" type: "BatchNorm" bottom: "c" top: "b" }
layer { name: "i" type: "InnerProduct" bottom: "b" top: "i"
        inner_product_param { num_output: 3 } })"};

void read_weights(const std::uint8_t* data, std::size_t size) {
  const InputFile file(data, size);
  import_caffe(kNetwork, file.path(), {}).verify();
}

void upgrade_weights(const std::uint8_t* data, std::size_t size) {
  const InputFile file(data, size);
  const std::string upgraded = "/tmp/kissa_fuzz_" + std::to_string(::getpid());
  upgrade_weight_file(file.path(), upgraded);
  std::remove(upgraded.c_str());
}

}  // namespace
}  // namespace kissa::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kissa::fuzz::expect_no_surprise(kissa::fuzz::read_weights, data, size);
  kissa::fuzz::expect_no_surprise(kissa::fuzz::upgrade_weights, data, size);
  return 0;
}
