// A small network that the tests of engines on a GPU share, and the ways to run it.
#pragma once

#include "import/caffe/file_testing.h"
#include "kissa/kissa.h"

namespace kissa {

inline constexpr const char* kNetwork = R"(
  layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 64 dim: 64 } } }
  layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
          convolution_param { num_output: 64 kernel_size: 7 stride: 2 pad: 3 } }
  layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
  layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
          pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
  layer { name: "norm1" type: "LRN" bottom: "pool1" top: "norm1" lrn_param { local_size: 5 } }
  layer { name: "a" type: "Convolution" bottom: "norm1" top: "a"
          convolution_param { num_output: 16 kernel_size: 1 } }
  layer { name: "b" type: "Convolution" bottom: "norm1" top: "b"
          convolution_param { num_output: 32 kernel_size: 3 pad: 1 } }
  layer { name: "all" type: "Concat" bottom: "a" bottom: "b" top: "all" }
  layer { name: "ip" type: "InnerProduct" bottom: "all" top: "ip"
          inner_product_param { num_output: 10 } }
  layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
)";

struct Way {
  Mode mode;
  Precision precision;
};
inline constexpr Way kWays[] = {{Mode::kCaffe, Precision::kFp32},
                                {Mode::kFused, Precision::kFp32},
                                {Mode::kFused, Precision::kTf32},
                                {Mode::kFused, Precision::kFp16}};

inline Model load_network(std::int64_t batch = 1, std::uint64_t seed = 1) {
  const caffe::TempFile file("net.prototxt", kNetwork);
  CaffeOptions random;
  random.random_seed = seed;
  return Model::load_caffe(file.path(), "", random).with_batch(batch);
}

inline EngineOptions options_of(const Way& way) {
  EngineOptions options;
  options.device = "cuda";
  options.mode = way.mode;
  options.precision = way.precision;
  options.build_seconds = 0.0;
  return options;
}

inline Engine build(const Way& way, std::int64_t batch = 1) {
  return Engine::build(load_network(batch), options_of(way));
}

}  // namespace kissa
