#include "base/log.h"

#include <atomic>
#include <mutex>

namespace kissa {
namespace {

std::mutex g_mutex;
LogSink g_sink;
std::atomic<bool> g_enabled = false;

}  // namespace

void set_log_sink(LogSink sink) {
  const std::lock_guard lock(g_mutex);
  g_enabled = static_cast<bool>(sink);
  g_sink = std::move(sink);
}

bool log_enabled() noexcept { return g_enabled; }

void log_text(LogLevel level, std::string_view text) {
  const std::lock_guard lock(g_mutex);
  if (g_sink) g_sink(level, text);
}

}  // namespace kissa
