// The one exception type of Kissa: what the user, a file or the machine did wrong, in one line.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace kissa {

enum class ErrorCode {
  kInvalidArgument,  // an option or a call that makes no sense
  kInvalidFile,      // a file that is missing, truncated, malformed or of the wrong kind
  kInvalidModel,     // a network that breaks a rule of its layers
  kUnsupported,      // valid, but not built (yet) or not possible on this device
  kOutOfMemory,      // needs more memory than the machine offers
  kDevice,           // the device failed
  kInternal,         // a broken invariant: a bug in Kissa
};

// Reads as "context: message"; callers on the way up put the outer context in front.
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message) : code_(code), text_(std::move(message)) {}

  ErrorCode code() const noexcept { return code_; }
  const char* what() const noexcept override { return text_.c_str(); }
  void add_context(std::string_view where) { text_.insert(0, std::string(where) + ": "); }

 private:
  ErrorCode code_;
  std::string text_;
};

}  // namespace kissa
