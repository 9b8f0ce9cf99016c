// The learned tensors of a network: which layers share one, and where their numbers come from.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "import/caffe/caffe.pb.h"
#include "import/caffe/weights.h"
#include "ir/graph.h"

namespace kissa::caffe {

class Parameters {
 public:
  // `weights` may be nullptr. Without `random_seed`, what the file lacks stays without data.
  Parameters(Graph& graph, const WeightFile* weights, std::optional<std::uint64_t> random_seed)
      : graph_(graph), weights_(weights), random_seed_(random_seed) {}

  // A constant for the layer's blob `index`: a new one, or that of the layer which first gave a
  // blob this name. Throws kInvalidModel where sharers do not agree on the shape.
  ValueId add(const LayerParameter& layer, int index, const kissa::ParamSpec& spec);
  // Takes the layer's numbers from the weight file: `constants` are all its blobs, in order. Throws
  // kInvalidModel, with both shapes, where they do not fit. Like Caffe, it gives the numbers of a
  // name to the first layer so called. `allow_ones`: whether extents of 1 may stand anywhere.
  void load(const LayerParameter& layer, const std::vector<ValueId>& constants,
            bool allow_ones = false);
  // After the last layer: random numbers for what is still without, where a seed was given, or else
  // a warning a layer.
  void finish();

 private:
  struct Constant {
    ValueId id;
    std::string layer;
    int index;
    std::string name;  // "weight", "bias", ...
    int owner;         // place in constants_ of the constant that it takes its data from; or -1
  };

  void fill_randomly();
  void warn_of_missing() const;
  void log_unused_weights() const;

  Graph& graph_;
  const WeightFile* weights_;
  std::optional<std::uint64_t> random_seed_;
  std::vector<Constant> constants_;
  std::unordered_map<std::string, int> owners_;  // by the name that layers share; in constants_
  std::set<std::string> loaded_;                 // layers that took their numbers from the file
};

}  // namespace kissa::caffe
