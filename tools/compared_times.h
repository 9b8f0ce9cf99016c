// Two saved results that hold times: bench, study or profile, or what bench/ wrote.
#pragma once

#include "result.h"

namespace kissa::tools {

bool holds_times(const Json& document);

// "rows": the ways to run that both have, by engine, mode, precision, batch and, where there is a
// choice, threads; one row each is compared whatever it is of. "profiles": the same of profiles,
// with "kinds" and "steps" of the same layers. Throws kInvalidArgument where they share nothing,
// kInvalidFile where one is not as docs/results_schema.md says.
Json compare_times(const Json& a, const Json& b);

void print_times(const Json& compared);

}  // namespace kissa::tools
