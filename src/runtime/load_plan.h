// From a plan file, or from a plan and other weights, to a plan: nothing is measured.
#pragma once

#include <memory>
#include <string_view>

#include "planner/plan_file.h"

namespace kissa::runtime {

// The plan of the file. On the kind of device that the file was written for, with as many threads,
// it takes the packed weights from the file; otherwise it packs the file's constants anew, for the
// same tactics where they exist, and logs that. `device`: of `backend`; 0 threads for what the file
// was built for. `version`: of this Kissa. Throws kInvalidFile on a damaged file, kUnsupported
// where this device cannot run it, kDevice where the file is for another that is not the host.
std::shared_ptr<const Plan> load_plan(const PlanFile& file, const Backend& backend,
                                      DeviceOptions device, std::string_view version);

// The plan of `graph`, which differs from that of `plan` in the data of its constants only, with
// the same tactics. Throws kInvalidModel where it differs in more.
std::shared_ptr<const Plan> refit_plan(const Plan& plan, std::shared_ptr<const Graph> graph,
                                       const Backend& backend, Precision precision);

}  // namespace kissa::runtime
