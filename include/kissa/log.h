// What the library has to say besides results and errors.
#pragma once

#include <functional>
#include <string_view>

namespace kissa {

enum class LogLevel { kInfo, kWarning };

using LogSink = std::function<void(LogLevel, std::string_view)>;

// One line a call, without a line break, from any thread. An empty sink (the default) drops it all.
void set_log_sink(LogSink sink);

}  // namespace kissa
