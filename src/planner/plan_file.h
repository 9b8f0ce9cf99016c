// The file of a plan: the graph, the tactics that were chosen, and the weights as they are packed
// (docs/plan_file.md).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "planner/plan.h"

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

// What a plan file says besides graph and weights.
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

// Of all nodes of the plan's graph.
std::vector<ChosenTactic> tactics_of(const Plan& plan);

// Writes `plan`, whose outputs are those of its graph; the device's part of `record`, its tactics
// and pieces are taken from it. The file appears whole under its name or not at all.
void write_plan_file(const Plan& plan, PlanRecord record, const std::string& path);

// A plan file that is open. Errors are kInvalidFile (or what a graph throws) and begin with the
// path.
class PlanFile {
 public:
  // Checks and reads all but constants and weights.
  explicit PlanFile(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const PlanRecord& record() const { return record_; }
  // Its constants lie in the mapped file, unread.
  const std::shared_ptr<const Graph>& graph() const { return graph_; }

  // Reads all pieces, padded, by several threads, and checks them.
  void read_weights(void* memory, int threads) const;
  // Throws where a constant's data is damaged. For other values, does nothing.
  void check_constant(ValueId id) const;
  void check_all_constants() const;

 private:
  struct Constant {
    std::uint64_t begin, bytes, hash;
  };

  void read_description(const std::string& text);
  void read_graph(const nlohmann::json& from, const std::vector<std::uint64_t>& hashes);

  File file_;
  std::uint64_t constants_begin_ = 0, constants_bytes_ = 0;
  std::uint64_t weights_begin_ = 0, weights_bytes_ = 0, weights_hash_ = 0;
  PlanRecord record_;
  std::shared_ptr<const Graph> graph_;
  std::shared_ptr<const std::byte> map_;
  std::map<ValueId, Constant> constants_;
};

}  // namespace kissa
