#include "compared_side.h"

#include <algorithm>

#include "base/error.h"
#include "interrupt.h"
#include "progress.h"
#include "step_profile.h"

namespace kissa::tools {

Side side_of(const Json& document, const std::string& path) {
  if (document.value("what", "") != "outputs")
    fail(ErrorCode::kInvalidFile, "{}: holds no outputs (kissa compare --save-a writes them)",
         path);
  try {
    return {path, document.at("setting"), document.at("output").get<std::string>(),
            document.at("names").get<std::vector<std::string>>(),
            document.at("values").get<std::vector<std::vector<float>>>()};
  } catch (const Json::exception& error) {
    fail(ErrorCode::kInvalidFile, "{}: is not as expected: {}", path, error.what());
  }
}

void save_side(const Side& side, const std::string& network, const std::string& path) {
  Json document = new_result("outputs", network, side.setting.value("device", "cpu"));
  document["setting"] = side.setting;
  document["output"] = side.output;
  document["names"] = side.names;
  document["values"] = side.rows;
  write_json(document, path);
}

Side run_side(const std::string& title, const Engine& engine, const Samples& samples) {
  const InterruptGuard guard;
  const TensorInfo output = engine.outputs().front();
  Side side{title, setting_json(engine, 1), output.name, {}, {}};
  Context context = engine.create_context();
  Progress progress(samples.names().size());
  for (std::size_t i = 0; i < samples.names().size(); ++i) {
    if (i > 0 && interrupted()) break;
    samples.fill(i, context);
    context.run();
    const std::span<const float> values = context.output(output.name);
    side.rows.emplace_back(values.begin(), values.end());
    side.names.push_back(samples.names()[i]);
    progress.advance(1);
  }
  return side;
}

void check_sides(const Side& a, const Side& b) {
  if (a.rows.empty() || b.rows.empty())
    fail(ErrorCode::kInvalidArgument, "there is nothing to compare: give images");
  if (a.names != b.names && !interrupted())
    fail(ErrorCode::kInvalidArgument, "{} and {} are of other inputs: give the same images",
         a.title, b.title);
  for (std::size_t i = 0; i < std::min(a.rows.size(), b.rows.size()); ++i)
    if (a.rows[i].size() != b.rows[i].size() || a.rows[i].empty())
      fail(ErrorCode::kInvalidArgument, "{} gives {} numbers and {} gives {}: other networks?",
           a.title, a.rows[i].size(), b.title, b.rows[i].size());
}

}  // namespace kissa::tools
