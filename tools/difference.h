// How far two runs of one network are apart: layer by layer, and in what they predict.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kissa::tools {

// Of values b from values a, over the places where both are finite.
struct Difference {
  double largest = 0;   // |b - a|
  double relative = 0;  // the norm of b - a over that of a; 0 where both are 0
  double cosine = 0;    // 1 - the cosine of the angle between them
  std::size_t not_finite_a = 0;
  std::size_t not_finite_b = 0;

  // Whether the relative difference is above the tolerance, or b has NaN or infinities that a has
  // not (or a those that b has not).
  bool parts(double tolerance) const {
    return not_finite_a != not_finite_b || relative > tolerance;
  }
};
// As many of each.
Difference difference_of(std::span<const float> a, std::span<const float> b);

struct LayerDifference {
  std::string blob;
  std::string layers;  // that made it
  Difference difference = {};
};
// The first of layers in their order that parts; nothing where none does.
std::optional<std::size_t> first_parting(std::span<const LayerDifference> layers, double tolerance);

// Two rows of scores for one image.
struct RowAgreement {
  bool top1 = false;
  std::size_t common_top5 = 0;  // of the best five of each, how many are the same
  double largest = 0;
  std::optional<double> divergence;  // Kullback and Leibler's of b from a; nothing where the rows
                                     // are no probabilities
};
RowAgreement agreement_of(std::span<const float> a, std::span<const float> b);

}  // namespace kissa::tools
