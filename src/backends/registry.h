// The list of devices that this build of Kissa knows.
#pragma once

#include <span>
#include <string_view>

#include "backends/backend.h"

namespace kissa {

std::span<const Backend> backends();

// Throws kInvalidArgument with the names that there are.
const Backend& find_backend(std::string_view name);

}  // namespace kissa
