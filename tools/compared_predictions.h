// What two sides predict, side by side and over all inputs.
#pragma once

#include <string>
#include <vector>

#include "compared_side.h"

namespace kissa::tools {

struct AgreementSummary {
  std::size_t images = 0;
  std::size_t top1 = 0;
  std::size_t common_top5 = 0;
  double largest = 0;
  std::string largest_name;
  std::size_t distributions = 0;
  double sum_divergence = 0;
  double most_divergence = 0;
};

AgreementSummary summarize_agreement(const Side& a, const Side& b);

// Of the first `shown` inputs. `labels`: names of the classes, or fewer.
void print_predictions(const Side& a, const Side& b, const std::vector<std::string>& labels,
                       std::size_t shown);
void print_agreement(const AgreementSummary& summary);

Json predictions_json(const Side& a, const Side& b, const std::vector<std::string>& labels);
Json agreement_json(const AgreementSummary& summary);

}  // namespace kissa::tools
