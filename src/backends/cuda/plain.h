// Plain programs: for every op of the op set one that is right on any shapes, not one that is fast.
#pragma once

#include "backends/cuda/kernels/gemm.h"
#include "backends/cuda/node_step.h"
#include "ops/op.h"

namespace kissa::cuda {

// plain_elementwise.cpp
Program plain(const AbsVal& op, const NodeView& node);
Program plain(const Bnll& op, const NodeView& node);
Program plain(const Clip& op, const NodeView& node);
Program plain(const Elu& op, const NodeView& node);
Program plain(const Exp& op, const NodeView& node);
Program plain(const Log& op, const NodeView& node);
Program plain(const Power& op, const NodeView& node);
Program plain(const Relu& op, const NodeView& node);
Program plain(const Sigmoid& op, const NodeView& node);
Program plain(const Swish& op, const NodeView& node);
Program plain(const TanH& op, const NodeView& node);
Program plain(const Threshold& op, const NodeView& node);
Program plain(const Eltwise& op, const NodeView& node);
Program plain(const Scale& op, const NodeView& node);
Program plain(const Bias& op, const NodeView& node);
Program plain(const PRelu& op, const NodeView& node);
Program plain(const BatchNorm& op, const NodeView& node);

// plain_data.cpp
Program plain(const Concat& op, const NodeView& node);
Program plain(const Slice& op, const NodeView& node);
Program plain(const Crop& op, const NodeView& node);
Program plain(const Tile& op, const NodeView& node);
Program plain(const Embed& op, const NodeView& node);
Program plain(const BatchReindex& op, const NodeView& node);
Program plain(const View& op, const NodeView& node);

// plain_window.cpp
Program plain(const Convolution& op, const NodeView& node);
Program plain(const Deconvolution& op, const NodeView& node);
Program plain(const Im2col& op, const NodeView& node);
Program plain(const Pooling& op, const NodeView& node);
Program plain(const Lrn& op, const NodeView& node);

// A product of matrices as run_gemm() gives it.
using Product = void (*)(const GemmShape& shape, const float* a, const float* b, float* c,
                         cudaStream_t stream);

// As plain() of these ops, by another product; plain_window.cpp, plain_product.cpp
Program convolution_by(Product product, const Convolution& op, const NodeView& node);
Program inner_product_by(Product product, const InnerProduct& op, const NodeView& node);

// plain_rows.cpp
Program plain(const Softmax& op, const NodeView& node);
Program plain(const ArgMax& op, const NodeView& node);
Program plain(const Reduction& op, const NodeView& node);
Program plain(const Mvn& op, const NodeView& node);

// plain_product.cpp
Program plain(const InnerProduct& op, const NodeView& node);
Program plain(const Lstm& op, const NodeView& node);
Program plain(const Rnn& op, const NodeView& node);

}  // namespace kissa::cuda
