// The list of devices that this build of Kissa knows.
#pragma once

#include <span>
#include <string_view>

#include "backends/backend.h"

namespace kissa {

std::span<const Backend> backends();

struct DeviceChoice {
  const Backend& backend;
  int index;
};

// Of "cuda", or "cuda:1" for the second. Throws kInvalidArgument with the names that there are.
DeviceChoice find_device(std::string_view name);

}  // namespace kissa
