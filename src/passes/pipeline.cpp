#include "passes/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/near_match.h"
#include "passes/drop_no_ops.h"
#include "passes/fold_affine_after.h"
#include "passes/fold_affine_before.h"
#include "passes/fold_constants.h"
#include "passes/fuse_activation.h"
#include "passes/fuse_residual.h"
#include "passes/merge_duplicates.h"

namespace kissa {
namespace {

constexpr Pass kPasses[] = {
    {"drop_no_ops", "a node that changes nothing hides its neighbours from all passes below",
     drop_no_ops},
    {"fold_constants", "what is known now need not be computed in every run", fold_constants},
    {"merge_duplicates", "needs equal inputs, which the two above bring out", merge_duplicates},
    {"fold_affine_after", "before the epilogue is filled: s conv(x) + t is only then the result",
     fold_affine_after},
    {"fold_affine_before", "takes what is left: folding behind has no trouble with padding",
     fold_affine_before},
    {"fuse_residual", "an epilogue adds before it activates, so the sum goes in first",
     fuse_residual},
    {"fuse_activation", "saves a pass over memory; last, since nothing else fits behind it",
     fuse_activation},
};

PassReport run_pass(const Pass& pass, Graph& graph) {
  const auto start = std::chrono::steady_clock::now();
  PassReport report{.name = pass.name};
  with_context([&] { return fmt::format("pass {}", pass.name); },
               [&] {
                 Rewriter rewriter(graph);
                 pass.run(rewriter, report.notes);
                 graph = rewriter.build();
                 graph.verify();
               });
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  report.seconds = time.count();
  return report;
}

}  // namespace

std::span<const Pass> all_passes() { return kPasses; }

void check_pass_names(const std::vector<std::string>& skip) {
  std::vector<std::string_view> known;
  for (const Pass& pass : kPasses) known.push_back(pass.name);
  for (const std::string& name : skip)
    if (std::find(known.begin(), known.end(), name) == known.end())
      fail(ErrorCode::kInvalidArgument, "there is no pass '{}'{} (all: {})", name,
           did_you_mean(name, known), fmt::join(known, ", "));
}

PassesResult run_passes(const Graph& graph, const PassOptions& options) {
  check_pass_names(options.skip);
  PassesResult result{with_outputs(graph, options.fetch), {}};
  for (const Pass& pass : kPasses) {
    const auto& skip = options.skip;
    if (std::find(skip.begin(), skip.end(), pass.name) != skip.end())
      result.reports.push_back({.name = pass.name, .is_skipped = true});
    else
      result.reports.push_back(run_pass(pass, result.graph));
  }
  return result;
}

std::string to_text(std::span<const PassReport> reports) {
  std::string text;
  for (const PassReport& report : reports) {
    if (report.is_skipped) {
      text += fmt::format("{}: switched off\n", report.name);
      continue;
    }
    const std::size_t count = report.notes.rewrites.size();
    text += fmt::format("{}: {} {}, {:.1f} ms\n", report.name, count,
                        count == 1 ? "rewrite" : "rewrites", report.seconds * 1e3);
    for (const std::string& line : report.notes.rewrites) text += fmt::format("  {}\n", line);
    for (const std::string& line : report.notes.refusals) text += fmt::format("  not {}\n", line);
  }
  return text;
}

}  // namespace kissa
