#include "compared_predictions.h"

#include <fmt/core.h>

#include <algorithm>

#include "difference.h"
#include "topk.h"

namespace kissa::tools {
namespace {

std::string label_of(const std::vector<std::string>& labels, std::size_t index) {
  return index < labels.size() ? labels[index] : fmt::format("class {}", index);
}

Json best_of(const std::vector<float>& row, const std::vector<std::string>& labels) {
  Json best = Json::array();
  for (const std::size_t index : top_k(row, 5))
    best.push_back({{"index", index}, {"label", label_of(labels, index)}, {"value", row[index]}});
  return best;
}

}  // namespace

AgreementSummary summarize_agreement(const Side& a, const Side& b) {
  AgreementSummary summary;
  for (std::size_t i = 0; i < std::min(a.rows.size(), b.rows.size()); ++i) {
    const RowAgreement row = agreement_of(a.rows[i], b.rows[i]);
    ++summary.images;
    if (row.top1) ++summary.top1;
    summary.common_top5 += row.common_top5;
    if (summary.largest_name.empty() || row.largest > summary.largest) {
      summary.largest = row.largest;
      summary.largest_name = a.names[i];
    }
    if (!row.divergence) continue;
    ++summary.distributions;
    summary.sum_divergence += *row.divergence;
    summary.most_divergence = std::max(summary.most_divergence, *row.divergence);
  }
  return summary;
}

void print_predictions(const Side& a, const Side& b, const std::vector<std::string>& labels,
                       std::size_t shown) {
  constexpr std::size_t kRows = 5;
  fmt::print("=== Predictions ===\n");
  const auto count = std::min({a.rows.size(), b.rows.size(), shown});
  for (std::size_t i = 0; i < count; ++i) {
    fmt::print("{}\n{:>12} {:>12} {:>12}  {}\n", a.names[i], "A", "B", "B - A", "class");
    for (const std::size_t index : top_k(a.rows[i], kRows)) {
      const float from = a.rows[i][index], to = b.rows[i][index];
      fmt::print("{:>12.6f} {:>12.6f} {:>+12.6f}  {}\n", from, to, to - from,
                 label_of(labels, index));
    }
    const std::size_t best_a = top_k(a.rows[i], 1).front();
    const std::size_t best_b = top_k(b.rows[i], 1).front();
    if (best_a != best_b) fmt::print("B takes it for: {}\n", label_of(labels, best_b));
  }
  fmt::print("\n");
}

void print_agreement(const AgreementSummary& summary) {
  const auto n = static_cast<double>(std::max<std::size_t>(summary.images, 1));
  fmt::print("=== Agreement ===\nInputs: {}\n", summary.images);
  fmt::print("Top-1: {} agree ({:.2f} %)\n", summary.top1,
             100 * static_cast<double>(summary.top1) / n);
  fmt::print("Top-5: {:.2f} of five in common (mean)\n",
             static_cast<double>(summary.common_top5) / n);
  fmt::print("Largest difference: {:.6g} ({})\n", summary.largest, summary.largest_name);
  if (summary.distributions > 0)
    fmt::print("KL divergence of B from A: {:.3g} nats (mean), {:.3g} (most)\n",
               summary.sum_divergence / static_cast<double>(summary.distributions),
               summary.most_divergence);
}

Json predictions_json(const Side& a, const Side& b, const std::vector<std::string>& labels) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < std::min(a.rows.size(), b.rows.size()); ++i) {
    const RowAgreement agreement = agreement_of(a.rows[i], b.rows[i]);
    rows.push_back({{"name", a.names[i]},
                    {"a", best_of(a.rows[i], labels)},
                    {"b", best_of(b.rows[i], labels)},
                    {"top1", agreement.top1},
                    {"common_top5", agreement.common_top5},
                    {"max_abs", agreement.largest},
                    {"divergence", agreement.divergence ? Json(*agreement.divergence) : Json()}});
  }
  return rows;
}

Json agreement_json(const AgreementSummary& summary) {
  return {{"inputs", summary.images},
          {"top1", summary.top1},
          {"common_top5", summary.common_top5},
          {"max_abs", summary.largest},
          {"max_abs_name", summary.largest_name},
          {"mean_divergence",
           summary.distributions > 0
               ? Json(summary.sum_divergence / static_cast<double>(summary.distributions))
               : Json()},
          {"max_divergence", summary.distributions > 0 ? Json(summary.most_divergence) : Json()}};
}

}  // namespace kissa::tools
