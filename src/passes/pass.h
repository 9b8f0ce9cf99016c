// Pass: one rewrite of a graph that keeps its results.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/rewrite.h"

namespace kissa {

// What a pass did, and what it nearly did; one line each, with the layers' names.
struct PassNotes {
  std::vector<std::string> rewrites;  // "'relu1' into 'conv1'"
  std::vector<std::string> refusals;  // "'relu2': 'conv2' is also read by 'pool2'"
};

struct Pass {
  std::string_view name;    // snake_case: what a user switches it off by
  std::string_view reason;  // why it pays, and why it stands where it stands
  void (*run)(Rewriter& graph, PassNotes& notes);
};

}  // namespace kissa
