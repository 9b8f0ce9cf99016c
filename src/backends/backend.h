// A backend as the planner sees it: how to get its device, and its tactics.
#pragma once

#include <memory>
#include <string_view>

#include "backends/tactic.h"
#include "kissa/types.h"

namespace kissa {

struct Backend {
  std::string_view name;
  // `threads`: of a CPU; 0 for all that the process may use. Throws kDevice where there is none.
  std::unique_ptr<Device> (*create)(int threads);
  // The tactics for a mode and precision; empty where that is not built.
  TacticList (*tactics)(Mode mode, Precision precision);
};

}  // namespace kissa
