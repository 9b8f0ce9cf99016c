// A backend as the planner sees it: how to get its device, and its tactics.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/tactic.h"
#include "kissa/types.h"

namespace kissa {

struct DeviceOptions {
  int index = 0;           // which of several devices of the kind
  int threads = 0;         // of a CPU; 0: all that the process may use
  bool spin_wait = false;  // of a GPU: the host waits for it in a busy loop
};

struct Backend {
  std::string_view name;
  // Throws kDevice where there is none.
  std::unique_ptr<Device> (*create)(const DeviceOptions& options);
  // The tactics for a mode and precision; empty where that is not built.
  TacticList (*tactics)(Mode mode, Precision precision);
  // Of libraries that are looked for when the program runs, as DeviceInfo::facts; or null.
  std::vector<std::pair<std::string, std::string>> (*libraries)() = nullptr;
};

}  // namespace kissa
