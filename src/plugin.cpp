#include "kissa/plugin.h"

#include <dlfcn.h>

#include "base/error.h"
#include "kissa/kissa.h"
#include "ops/custom.h"

namespace kissa {
namespace {

std::string last_reason() {
  const char* reason = dlerror();
  return reason == nullptr ? "for no known reason" : reason;
}

}  // namespace

void load_plugin(const std::string& path) {
  // Without a slash, the loader would search its own folders.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    fail(ErrorCode::kInvalidFile, "{}: cannot be loaded as a plugin: {}", path, last_reason());
  // It stays: layers of its types may live as long as the process.
  using Entry = const plugin::Library* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(library, "kissa_plugin"));
  if (entry == nullptr)
    fail(ErrorCode::kInvalidFile, "{}: is no plugin of Kissa: it lacks KISSA_PLUGIN", path);
  add_custom_types(*entry(), path);
}

}  // namespace kissa
