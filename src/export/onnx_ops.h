// How each op is written as ONNX operators, to Caffe's numbers. An op that is not here cannot be.
#pragma once

#include "export/node_writer.h"

namespace kissa::onnx {

// onnx_elementwise.cpp
void write(NodeWriter& w, const AbsVal& op);
void write(NodeWriter& w, const Bias& op);
void write(NodeWriter& w, const Bnll& op);
void write(NodeWriter& w, const Clip& op);
void write(NodeWriter& w, const Eltwise& op);
void write(NodeWriter& w, const Elu& op);
void write(NodeWriter& w, const Exp& op);
void write(NodeWriter& w, const Log& op);
void write(NodeWriter& w, const Power& op);
void write(NodeWriter& w, const PRelu& op);
void write(NodeWriter& w, const Relu& op);
void write(NodeWriter& w, const Scale& op);
void write(NodeWriter& w, const Sigmoid& op);
void write(NodeWriter& w, const Swish& op);
void write(NodeWriter& w, const TanH& op);
void write(NodeWriter& w, const Threshold& op);

// onnx_fork.cpp
void write(NodeWriter& w, const CropCenter& op);
void write(NodeWriter& w, const Interp& op);
void write(NodeWriter& w, const Normalize& op);
void write(NodeWriter& w, const Permute& op);
void write(NodeWriter& w, const PriorBox& op);
void write(NodeWriter& w, const Reorg& op);
void write(NodeWriter& w, const Reverse& op);
void write(NodeWriter& w, const RoiPooling& op);
void write(NodeWriter& w, const ShuffleChannel& op);
void write(NodeWriter& w, const Unpool& op);
void write(NodeWriter& w, const Upsample& op);

// onnx_window.cpp
void write(NodeWriter& w, const Convolution& op);
void write(NodeWriter& w, const Deconvolution& op);
void write(NodeWriter& w, const Im2col& op);
void write(NodeWriter& w, const Pooling& op);

// onnx_product.cpp
void write(NodeWriter& w, const BatchReindex& op);
void write(NodeWriter& w, const Embed& op);
void write(NodeWriter& w, const InnerProduct& op);

// onnx_recurrent.cpp
void write(NodeWriter& w, const Lstm& op);
void write(NodeWriter& w, const Rnn& op);

// onnx_reduce.cpp
void write(NodeWriter& w, const ArgMax& op);
void write(NodeWriter& w, const BatchNorm& op);
void write(NodeWriter& w, const Lrn& op);
void write(NodeWriter& w, const Mvn& op);
void write(NodeWriter& w, const Reduction& op);
void write(NodeWriter& w, const Softmax& op);

// onnx_shape.cpp
void write(NodeWriter& w, const Concat& op);
void write(NodeWriter& w, const Crop& op);
void write(NodeWriter& w, const Flatten& op);
void write(NodeWriter& w, const Identity& op);
void write(NodeWriter& w, const Reshape& op);
void write(NodeWriter& w, const Slice& op);
void write(NodeWriter& w, const Tile& op);

template <class T>
concept HasOnnx = requires(NodeWriter& w, const T& op) {
  write(w, op);
};

}  // namespace kissa::onnx
