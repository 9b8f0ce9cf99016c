// The op set, and what can be asked of any op in it.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "ops/accuracy.h"
#include "ops/argmax.h"
#include "ops/batch_norm.h"
#include "ops/concat.h"
#include "ops/convolution.h"
#include "ops/crop.h"
#include "ops/custom.h"
#include "ops/deconvolution.h"
#include "ops/detection_output.h"
#include "ops/elementwise.h"
#include "ops/eltwise.h"
#include "ops/filter.h"
#include "ops/gather.h"
#include "ops/im2col.h"
#include "ops/inner_product.h"
#include "ops/loss.h"
#include "ops/lrn.h"
#include "ops/mvn.h"
#include "ops/normalize.h"
#include "ops/op_kind.h"
#include "ops/pooling.h"
#include "ops/prelu.h"
#include "ops/prior_box.h"
#include "ops/proposal.h"
#include "ops/rearrange.h"
#include "ops/recurrent.h"
#include "ops/reduction.h"
#include "ops/resize.h"
#include "ops/roi_pooling.h"
#include "ops/scale.h"
#include "ops/softmax.h"
#include "ops/tile.h"
#include "ops/view.h"

namespace kissa {

using Op =
    std::variant<AbsVal, Accuracy, ArgMax, BatchNorm, BatchReindex, Bias, Bnll, Clip, Concat,
                 ContrastiveLoss, Convolution, Crop, CropCenter, Custom, Deconvolution,
                 DetectionOutput, DistanceLoss, Eltwise, Elu, Embed, Exp, Filter, Flatten,
                 HingeLoss, Identity, Im2col, InfogainLoss, InnerProduct, Interp, Log, Lrn, Lstm,
                 MultinomialLogisticLoss, Mvn, Normalize, Permute, Pooling, Power, PRelu, PriorBox,
                 Proposal, PsRoiPooling, Reduction, Relu, Reorg, Reshape, Reverse, Rnn, RoiPooling,
                 Scale, ShuffleChannel, Sigmoid, SigmoidCrossEntropyLoss, Slice, Softmax,
                 SoftmaxLoss, Swish, TanH, Threshold, Tile, Unpool, Upsample>;

std::string_view name_of(const Op& op);
// The op of that name with its fields as they are at first; nothing where there is none.
std::optional<Op> op_named(std::string_view name);
std::string describe(const Op& op);
// Whether the output is the input's memory under another shape.
bool is_view(const Op& op);
// Whether output element i looks at no element of the first input but i, so that the output may
// take the first input's memory.
bool is_elementwise(const Op& op);
// The axis along which the op's outputs hold only as much as its last output says (op_kind.h).
std::optional<int> counted_axis(const Op& op);
// Whether the op reads none of its inputs' elements.
bool reads_shapes_only(const Op& op);
// The learned tensors that `op` needs on such inputs; none for most ops. Throws as infer does.
std::vector<ParamSpec> params_of(const Op& op, const Shapes& in);
// Output shapes for the inputs (parameters not among them).
Shapes infer(const Op& op, const Shapes& in);

// The numerator of every roofline: exact arithmetic and the least traffic, each input and parameter
// read once and each output written once, in FP32; nothing for a view.
struct Work {
  Arithmetic arithmetic;
  std::int64_t bytes = 0;
};
Work work_of(const Op& op, const Shapes& in, const Shapes& out);

void run_reference(const Op& op, ConstTensors x, Tensors y);

}  // namespace kissa
