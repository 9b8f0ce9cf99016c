// The library prints nothing: it speaks through the one sink that its user sets
// (kissa::set_log_sink).
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

#include "kissa/log.h"

namespace kissa {

bool log_enabled() noexcept;
void log_text(LogLevel level, std::string_view text);

template <class... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled()) log_text(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace kissa
