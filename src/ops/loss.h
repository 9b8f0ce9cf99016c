// Caffe's losses, as the number that they give at test time: a scalar, not multiplied by the
// layer's loss_weight.
#pragma once

#include <optional>
#include <string>

#include "ops/op_kind.h"

namespace kissa {

// What a sum over labelled places is divided by; never by less than 1.
enum class LossNormalization {
  kFull,       // all places
  kValid,      // the places that count
  kBatchSize,  // the extents in front of the axis
  kNone,       // 1
};

// Inputs: scores and labels as Accuracy takes them.
//   loss = -sum of log(softmax(scores)[label]), normalized
// A label that is no place of the axis makes the loss NaN. Where with_softmax, a second output of
// the scores' shape holds softmax(scores). Logarithms are of at least FLT_MIN.
struct SoftmaxLoss {
  static constexpr std::string_view kName = "softmax_loss";
  int axis = 1;
  std::optional<int> ignore_label;
  LossNormalization normalization = LossNormalization::kValid;
  bool with_softmax = false;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const SoftmaxLoss&, const SoftmaxLoss&) = default;
};

// The same with a third input, a matrix H of labels x labels: the loss of a place is
// -sum over k of H[label][k] log(softmax(scores)[k]). Logarithms are of at least 1e-20.
struct InfogainLoss {
  static constexpr std::string_view kName = "infogain_loss";
  int axis = 1;
  std::optional<int> ignore_label;
  LossNormalization normalization = LossNormalization::kValid;
  bool with_softmax = false;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const InfogainLoss&, const InfogainLoss&) = default;
};

// Inputs: probabilities N x ..., N labels. loss = -sum of log(probabilities[label]) / N; logarithms
// are of at least 1e-20.
struct MultinomialLogisticLoss {
  static constexpr std::string_view kName = "multinomial_logistic_loss";

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const { return {}; }
  friend bool operator==(const MultinomialLogisticLoss&, const MultinomialLogisticLoss&) = default;
};

// Inputs: x and targets t of as many elements, N x ...
//   loss = sum of log(1 + exp(x)) - x t, normalized; places are elements, the batch is N
struct SigmoidCrossEntropyLoss {
  static constexpr std::string_view kName = "sigmoid_cross_entropy_loss";
  std::optional<int> ignore_label;
  LossNormalization normalization = LossNormalization::kBatchSize;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const SigmoidCrossEntropyLoss&, const SigmoidCrossEntropyLoss&) = default;
};

enum class DistanceMethod {
  kEuclidean,  // sum of (a - b)^2 / 2
  kL1,         // sum of |a - b|
};

// Inputs: a and b of as many elements, N x ... The sum is divided by N.
struct DistanceLoss {
  static constexpr std::string_view kName = "distance_loss";
  DistanceMethod method = DistanceMethod::kEuclidean;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const DistanceLoss&, const DistanceLoss&) = default;
};

// Inputs: scores N x ..., N labels. With d = -1 at the label and 1 elsewhere:
//   loss = sum of max(0, 1 + d x), or of its square, / N
struct HingeLoss {
  static constexpr std::string_view kName = "hinge_loss";
  bool squared = false;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const { return squared ? "squared" : ""; }
  friend bool operator==(const HingeLoss&, const HingeLoss&) = default;
};

// Inputs: a and b, N x C, and N numbers that are 0 (unlike) or not (alike). With d = |a - b|^2:
//   loss = sum of (alike ? d : max(0, margin - sqrt(d))^2) / 2N
// legacy: max(0, margin - d) instead of the square.
struct ContrastiveLoss {
  static constexpr std::string_view kName = "contrastive_loss";
  float margin = 1.0f;
  bool legacy = false;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const ContrastiveLoss&, const ContrastiveLoss&) = default;
};

static_assert(OpKind<SoftmaxLoss> && OpKind<InfogainLoss> && OpKind<MultinomialLogisticLoss> &&
              OpKind<SigmoidCrossEntropyLoss> && OpKind<DistanceLoss> && OpKind<HingeLoss> &&
              OpKind<ContrastiveLoss>);

}  // namespace kissa
