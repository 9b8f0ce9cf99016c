// What a plan file says of a plan besides its graph and weights.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "kissa/types.h"

namespace kissa {

// How a graph came to be: what it takes to make the same of other weights.
struct Recipe {
  std::string path;      // of the network's definition, for messages
  std::string prototxt;  // its text
  std::map<std::string, Shape> input_shapes;
  bool train_phase = false;
  std::vector<std::string> stages;
  int level = 0;
  std::optional<std::uint64_t> random_seed;
  std::vector<std::string> fetch;
  std::vector<std::string> skip_passes;
};

// The tactic of the step that runs these nodes; empty where there is nothing to run.
struct ChosenTactic {
  std::vector<NodeId> nodes;
  std::string tactic;
};

struct PlanRecord {
  std::string version;      // of the Kissa that wrote it
  std::string device;       // Device::name(), and so on
  std::string description;  // for people
  std::string isa;
  int threads = 0;
  int threads_asked = 0;  // 0: all that there are
  Mode mode = Mode::kCaffe;
  Precision precision = Precision::kFp32;
  Recipe recipe;
  std::vector<ChosenTactic> tactics;
  std::vector<std::int64_t> pieces;  // sizes of the packed weights, in order
};

nlohmann::json to_json(const PlanRecord& record);
// Throws kInvalidFile or kInvalidArgument where it is no such thing.
PlanRecord record_from_json(const nlohmann::json& from);

}  // namespace kissa
