// A convolution and the PReLU behind it as one step: its slopes become part of the epilogue.
#pragma once

#include <memory>

#include "backends/tactic.h"

namespace kissa::cpu {

// Takes what `conv` takes, and a chain of such a convolution and a PReLU. Of a chain `conv` sees
// the convolution alone, which makes the PReLU's output; the slopes are its last parameter.
std::unique_ptr<const Tactic> with_prelu(std::unique_ptr<const Tactic> conv);

// That parameter of a convolution: one number a channel, or one for all. Null where there is none.
const Region::Value* learned_slopes(const Region& region, const Region::Node& node);

}  // namespace kissa::cpu
