#include "import/caffe/state.h"

#include <algorithm>

#include "base/error.h"

namespace kissa::caffe {
namespace {

bool meets(const NetState& state, const NetStateRule& rule) {
  const auto in_state = [&](const std::string& stage) {
    return std::find(state.stage().begin(), state.stage().end(), stage) != state.stage().end();
  };
  if (rule.has_phase() && rule.phase() != state.phase()) return false;
  if (rule.has_min_level() && state.level() < rule.min_level()) return false;
  if (rule.has_max_level() && state.level() > rule.max_level()) return false;
  return std::all_of(rule.stage().begin(), rule.stage().end(), in_state) &&
         std::none_of(rule.not_stage().begin(), rule.not_stage().end(), in_state);
}

}  // namespace

bool belongs(const LayerParameter& layer, const NetState& state) {
  if (layer.include_size() > 0 && layer.exclude_size() > 0)
    fail(ErrorCode::kInvalidModel, "has both include and exclude rules; only one kind is allowed");
  const auto is_met = [&](const NetStateRule& rule) { return meets(state, rule); };
  if (layer.include_size() > 0)
    return std::any_of(layer.include().begin(), layer.include().end(), is_met);
  return std::none_of(layer.exclude().begin(), layer.exclude().end(), is_met);
}

}  // namespace kissa::caffe
