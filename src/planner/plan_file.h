// The file of a plan: the graph, the tactics that were chosen, and the weights as they are packed
// (docs/plan_file.md).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/file.h"
#include "planner/plan.h"
#include "planner/plan_record.h"

namespace kissa {

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
