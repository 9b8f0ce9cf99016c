#include "planner/plan_record.h"

#include "base/error.h"
#include "ir/json.h"

namespace kissa {
namespace {

using json::Json;
using json::read_member;

// More than any processor has.
constexpr int kMaxThreads = 4096;

Json recipe_to_json(const Recipe& recipe) {
  Json shapes = Json::array();
  for (const auto& [name, shape] : recipe.input_shapes)
    shapes.push_back({{"input", json::write(name)}, {"shape", json::write(shape)}});
  return {{"path", json::write(recipe.path)},
          {"prototxt", json::write(recipe.prototxt)},
          {"input_shapes", std::move(shapes)},
          {"train_phase", recipe.train_phase},
          {"stages", json::write(recipe.stages)},
          {"level", recipe.level},
          {"random_seed", json::write(recipe.random_seed)},
          {"fetch", json::write(recipe.fetch)},
          {"skip_passes", json::write(recipe.skip_passes)}};
}

Recipe recipe_from(const Json& from) {
  Recipe recipe;
  json::read(json::member(from, "path"), recipe.path);
  json::read(json::member(from, "prototxt"), recipe.prototxt);
  for (const Json& input : json::array_member(from, "input_shapes"))
    recipe.input_shapes.emplace(read_member<std::string>(input, "input"),
                                read_member<Shape>(input, "shape"));
  json::read(json::member(from, "train_phase"), recipe.train_phase);
  json::read(json::member(from, "stages"), recipe.stages);
  json::read(json::member(from, "level"), recipe.level);
  json::read(json::member(from, "random_seed"), recipe.random_seed);
  json::read(json::member(from, "fetch"), recipe.fetch);
  json::read(json::member(from, "skip_passes"), recipe.skip_passes);
  return recipe;
}

}  // namespace

nlohmann::json to_json(const PlanRecord& record) {
  Json tactics = Json::array();
  for (const ChosenTactic& chosen : record.tactics)
    tactics.push_back({{"nodes", chosen.nodes}, {"tactic", chosen.tactic}});
  return {{"kissa", record.version},
          {"device", record.device},
          {"description", json::write(record.description)},
          {"isa", record.isa},
          {"threads", record.threads},
          {"threads_asked", record.threads_asked},
          {"mode", to_string(record.mode)},
          {"precision", to_string(record.precision)},
          {"recipe", recipe_to_json(record.recipe)},
          {"tactics", std::move(tactics)},
          {"pieces", record.pieces}};
}

PlanRecord record_from_json(const nlohmann::json& from) {
  PlanRecord record;
  json::read(json::member(from, "kissa"), record.version);
  json::read(json::member(from, "device"), record.device);
  json::read(json::member(from, "description"), record.description);
  json::read(json::member(from, "isa"), record.isa);
  json::read(json::member(from, "threads"), record.threads);
  json::read(json::member(from, "threads_asked"), record.threads_asked);
  if (record.threads_asked < 0 || record.threads_asked > kMaxThreads)
    fail(ErrorCode::kInvalidFile, "{} threads make no sense", record.threads_asked);
  record.mode = parse_mode(read_member<std::string>(from, "mode"));
  record.precision = parse_precision(read_member<std::string>(from, "precision"));
  record.recipe = recipe_from(json::member(from, "recipe"));
  for (const Json& chosen : json::array_member(from, "tactics"))
    record.tactics.push_back({read_member<std::vector<NodeId>>(chosen, "nodes"),
                              read_member<std::string>(chosen, "tactic")});
  json::read(json::member(from, "pieces"), record.pieces);
  return record;
}

}  // namespace kissa
