// Two ways to run one network, layer by layer.
#pragma once

#include <vector>

#include "difference.h"
#include "kissa/kissa.h"
#include "result.h"
#include "samples.h"

namespace kissa::tools {

struct Way {
  EngineOptions options;
  Engine engine;  // built with them
};

// Blobs that both engines store are fetched from both, so that what is fused stays fused; in the
// order of A, the worst of the first `most_samples` of the samples.
std::vector<LayerDifference> compare_layers(const Model& model, const Way& a, const Way& b,
                                            const Samples& samples, std::size_t most_samples);

// Of what two precisions may differ by.
double default_tolerance(const Engine& a, const Engine& b);

void print_layers(const std::vector<LayerDifference>& layers, double tolerance);
Json layers_json(const std::vector<LayerDifference>& layers, double tolerance);

}  // namespace kissa::tools
