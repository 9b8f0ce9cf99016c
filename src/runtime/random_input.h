// Inputs for measuring.
#pragma once

#include "runtime/context.h"

namespace kissa::runtime {

// Values as images less their mean have them, the same each time.
void fill_inputs(Context& context, const Plan& plan);

}  // namespace kissa::runtime
