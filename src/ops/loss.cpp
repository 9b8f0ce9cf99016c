#include "ops/loss.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>

#include "ops/labels.h"
#include "ops/softmax.h"

namespace kissa {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr float kSmallestProbability = 1e-20f;  // Caffe's, below which a logarithm is cut

double divisor(LossNormalization normalization, std::int64_t places, std::int64_t valid,
               std::int64_t batch) {
  std::int64_t count = 1;
  switch (normalization) {
    case LossNormalization::kFull: count = places; break;
    case LossNormalization::kValid: count = valid; break;
    case LossNormalization::kBatchSize: count = batch; break;
    case LossNormalization::kNone: break;
  }
  return static_cast<double>(std::max<std::int64_t>(1, count));
}

std::string describe_normalization(LossNormalization normalization) {
  switch (normalization) {
    case LossNormalization::kFull: return "a place";
    case LossNormalization::kValid: return "a valid place";
    case LossNormalization::kBatchSize: return "an image";
    case LossNormalization::kNone: return "summed";
  }
  return {};
}

std::string describe_labels(LossNormalization normalization, std::optional<int> ignore_label) {
  std::string text = describe_normalization(normalization);
  if (ignore_label) text += fmt::format(", ignoring {}", *ignore_label);
  return text;
}

void expect_same_elements(const Shape& a, const Shape& b) {
  if (a.rank() == 0 || a.elements() != b.elements())
    fail(ErrorCode::kInvalidModel, "takes two inputs of as many elements, not {} and {}",
         a.to_string(), b.to_string());
}

void expect_label_an_item(const Shapes& in) {
  expect_inputs(in, 2);
  if (in[0].rank() == 0 || in[0][0] != in[1].elements())
    fail(ErrorCode::kInvalidModel, "takes a label for each item of {}, not labels of {}",
         in[0].to_string(), in[1].to_string());
}

double items(const Shape& shape) {
  return static_cast<double>(std::max<std::int64_t>(1, shape[0]));
}

// Softmax of x[0], and the loss of each labelled place: place_loss(probabilities, stride, label).
template <class T, class PlaceLoss>
double sum_over_places(const T& op, ConstTensors x, std::vector<float>& probabilities,
                       const PlaceLoss& place_loss) {
  const LabelledRows rows = labelled_rows(x[0].shape, op.axis);
  probabilities.resize(static_cast<std::size_t>(x[0].shape.elements()));
  Softmax softmax;
  softmax.axis = op.axis;
  const Tensor out{probabilities.data(), x[0].shape};
  softmax.reference(x.first(1), {&out, 1});
  double sum = 0.0;
  std::int64_t valid = 0;
  for (std::int64_t o = 0; o < rows.outer; ++o)
    for (std::int64_t i = 0; i < rows.inner; ++i) {
      const float given = x[1].data[o * rows.inner + i];
      if (op.ignore_label && is_label(given, *op.ignore_label)) continue;
      ++valid;
      const std::int64_t label = label_index(given, rows.extent);
      sum += label < 0 ? kNan
                       : place_loss(probabilities.data() + o * rows.extent * rows.inner + i,
                                    rows.inner, label);
    }
  return sum / divisor(op.normalization, rows.places(), valid, rows.outer);
}

template <class T>
Shapes infer_softmax_loss(const T& op, const Shapes& in) {
  expect_labels(in[0], op.axis, in[1]);
  Shapes out = {Shape()};
  if (op.with_softmax) out.push_back(in[0]);
  return out;
}

template <class T>
void store(const T& op, double loss, const std::vector<float>& probabilities, Tensors y) {
  y[0].data[0] = static_cast<float>(loss);
  if (op.with_softmax) std::copy(probabilities.begin(), probabilities.end(), y[1].data);
}

// A softmax: comparison, subtraction, exponential, sum and division an element.
constexpr std::int64_t kSoftmaxOperations = 5;

}  // namespace

Shapes SoftmaxLoss::infer(const Shapes& in) const {
  expect_inputs(in, 2);
  return infer_softmax_loss(*this, in);
}

Arithmetic SoftmaxLoss::arithmetic(const Shapes& in, const Shapes&) const {
  return {0, kSoftmaxOperations * in[0].elements() + 2 * in[1].elements()};
}

void SoftmaxLoss::reference(ConstTensors x, Tensors y) const {
  std::vector<float> probabilities;
  const double loss = sum_over_places(
      *this, x, probabilities, [](const float* p, std::int64_t stride, std::int64_t label) {
        return -std::log(static_cast<double>(std::max(p[label * stride], FLT_MIN)));
      });
  store(*this, loss, probabilities, y);
}

std::string SoftmaxLoss::describe() const { return describe_labels(normalization, ignore_label); }

Shapes InfogainLoss::infer(const Shapes& in) const {
  expect_inputs(in, 3);
  const std::int64_t extent = labelled_rows(in[0], axis).extent;
  if (in[2].elements() != count_of(extent, extent))
    fail(ErrorCode::kInvalidModel, "takes a matrix of {0} x {0} for {0} labels, not {1}", extent,
         in[2].to_string());
  return infer_softmax_loss(*this, in);
}

Arithmetic InfogainLoss::arithmetic(const Shapes& in, const Shapes&) const {
  return {in[0].elements(), (kSoftmaxOperations + 1) * in[0].elements()};
}

void InfogainLoss::reference(ConstTensors x, Tensors y) const {
  const std::int64_t extent = labelled_rows(x[0].shape, axis).extent;
  std::vector<float> probabilities;
  const double loss = sum_over_places(
      *this, x, probabilities, [&](const float* p, std::int64_t stride, std::int64_t label) {
        double sum = 0.0;
        for (std::int64_t k = 0; k < extent; ++k)
          sum -= static_cast<double>(x[2].data[label * extent + k]) *
                 std::log(static_cast<double>(std::max(p[k * stride], kSmallestProbability)));
        return sum;
      });
  store(*this, loss, probabilities, y);
}

std::string InfogainLoss::describe() const { return describe_labels(normalization, ignore_label); }

Shapes MultinomialLogisticLoss::infer(const Shapes& in) const {
  expect_label_an_item(in);
  return {Shape()};
}

Arithmetic MultinomialLogisticLoss::arithmetic(const Shapes& in, const Shapes&) const {
  return {0, 2 * in[1].elements()};
}

void MultinomialLogisticLoss::reference(ConstTensors x, Tensors y) const {
  const Shape& shape = x[0].shape;
  const std::int64_t extent = shape.product(1, shape.rank());
  double loss = 0.0;
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    const std::int64_t label = label_index(x[1].data[n], extent);
    loss -= label < 0 ? kNan
                      : std::log(static_cast<double>(
                            std::max(x[0].data[n * extent + label], kSmallestProbability)));
  }
  y[0].data[0] = static_cast<float>(loss / items(shape));
}

Shapes SigmoidCrossEntropyLoss::infer(const Shapes& in) const {
  expect_inputs(in, 2);
  expect_same_elements(in[0], in[1]);
  return {Shape()};
}

Arithmetic SigmoidCrossEntropyLoss::arithmetic(const Shapes& in, const Shapes&) const {
  return {in[0].elements(), 5 * in[0].elements()};
}

void SigmoidCrossEntropyLoss::reference(ConstTensors x, Tensors y) const {
  const std::int64_t count = x[0].shape.elements();
  double loss = 0.0;
  std::int64_t valid = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = x[0].data[i], target = x[1].data[i];
    if (ignore_label && is_label(x[1].data[i], *ignore_label)) continue;
    ++valid;
    loss += std::max(value, 0.0) + std::log1p(std::exp(-std::abs(value))) - value * target;
  }
  y[0].data[0] = static_cast<float>(loss / divisor(normalization, count, valid, x[0].shape[0]));
}

std::string SigmoidCrossEntropyLoss::describe() const {
  return describe_labels(normalization, ignore_label);
}

Shapes DistanceLoss::infer(const Shapes& in) const {
  expect_inputs(in, 2);
  expect_same_elements(in[0], in[1]);
  return {Shape()};
}

Arithmetic DistanceLoss::arithmetic(const Shapes& in, const Shapes&) const {
  const std::int64_t count = in[0].elements();
  return method == DistanceMethod::kEuclidean ? Arithmetic{count, count} : Arithmetic{0, 3 * count};
}

void DistanceLoss::reference(ConstTensors x, Tensors y) const {
  double sum = 0.0;
  for (std::int64_t i = 0; i < x[0].shape.elements(); ++i) {
    const double d = static_cast<double>(x[0].data[i]) - x[1].data[i];
    sum += method == DistanceMethod::kEuclidean ? 0.5 * d * d : std::abs(d);
  }
  y[0].data[0] = static_cast<float>(sum / items(x[0].shape));
}

std::string DistanceLoss::describe() const {
  return method == DistanceMethod::kEuclidean ? "euclidean" : "L1";
}

Shapes HingeLoss::infer(const Shapes& in) const {
  expect_label_an_item(in);
  return {Shape()};
}

Arithmetic HingeLoss::arithmetic(const Shapes& in, const Shapes&) const {
  return {squared ? in[0].elements() : 0, (squared ? 2 : 3) * in[0].elements()};
}

void HingeLoss::reference(ConstTensors x, Tensors y) const {
  const Shape& shape = x[0].shape;
  const std::int64_t extent = shape.product(1, shape.rank());
  double sum = 0.0;
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    const std::int64_t label = label_index(x[1].data[n], extent);
    if (label < 0) sum = kNan;
    for (std::int64_t k = 0; k < extent; ++k) {
      const double value = x[0].data[n * extent + k];
      const double margin = std::max(0.0, 1.0 + (k == label ? -value : value));
      sum += squared ? margin * margin : margin;
    }
  }
  y[0].data[0] = static_cast<float>(sum / items(shape));
}

Shapes ContrastiveLoss::infer(const Shapes& in) const {
  expect_inputs(in, 3);
  expect_same_elements(in[0], in[1]);
  if (in[2].elements() != in[0][0])
    fail(ErrorCode::kInvalidModel, "takes a number for each pair of {}, not {}", in[0].to_string(),
         in[2].to_string());
  return {Shape()};
}

Arithmetic ContrastiveLoss::arithmetic(const Shapes& in, const Shapes&) const {
  return {in[0].elements(), in[0].elements() + 4 * in[2].elements()};
}

void ContrastiveLoss::reference(ConstTensors x, Tensors y) const {
  const Shape& shape = x[0].shape;
  const std::int64_t extent = shape.product(1, shape.rank());
  double sum = 0.0;
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    double distance = 0.0;
    for (std::int64_t i = n * extent; i < (n + 1) * extent; ++i) {
      const double d = static_cast<double>(x[0].data[i]) - x[1].data[i];
      distance += d * d;
    }
    const double gap = std::max(0.0, margin - (legacy ? distance : std::sqrt(distance)));
    const bool is_alike = std::trunc(x[2].data[n]) != 0.0f;
    sum += is_alike ? distance : legacy ? gap : gap * gap;
  }
  y[0].data[0] = static_cast<float>(sum / items(shape) / 2.0);
}

std::string ContrastiveLoss::describe() const {
  return fmt::format("margin {}{}", margin, legacy ? ", legacy" : "");
}

}  // namespace kissa
