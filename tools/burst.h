// A GPU's own time of a query, without what starting one and waiting for it takes.
#pragma once

#include "kissa/kissa.h"
#include "result.h"

namespace kissa::tools {

// Milliseconds of a query in bursts of kBurstQueries, one behind the other, by the GPU's clock; a
// pause as long as the burst behind each keeps the GPU as cool as queries that come now and then.
// Three bursts at least, and about two seconds at most unless these take longer.
inline constexpr int kBurstQueries = 10;
Latency time_bursts(Context& context);

// Milliseconds of a query, without a pause for that long: what is left when the GPU meets its power
// limit.
double time_sustained(Context& context, double seconds);

}  // namespace kissa::tools
