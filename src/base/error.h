// Throwing errors with formatted text and context, and checking invariants.
#pragma once

#include <fmt/core.h>

#include <utility>

#include "kissa/error.h"

namespace kissa {

template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

// Runs `body`; an Error that leaves it gets `where()` put in front of its text.
template <class Where, class Body>
decltype(auto) with_context(Where&& where, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (Error& error) {
    error.add_context(std::forward<Where>(where)());
    throw;
  }
}

[[noreturn]] void fail_check(const char* condition, const char* file, int line);

}  // namespace kissa

// An invariant of the code itself, never reachable from user input.
#define KISSA_CHECK(condition) \
  ((condition) ? void(0) : ::kissa::fail_check(#condition, __FILE__, __LINE__))
