#include "configuration.h"

#include <charconv>
#include <sstream>

#include "base/error.h"
#include "base/near_match.h"

namespace kissa::tools {
namespace {

int parse_threads(const std::string& text) {
  int threads = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
  if (error != std::errc() || end != text.data() + text.size() || threads < 0)
    fail(ErrorCode::kInvalidArgument, "threads '{}': give 1 or more, or 0 for all", text);
  return threads;
}

void set_by_key(const std::string& key, const std::string& value, EngineOptions& options) {
  if (key == "mode")
    options.mode = parse_mode(value);
  else if (key == "precision")
    options.precision = parse_precision(value);
  else if (key == "device")
    options.device = value;
  else if (key == "threads")
    options.threads = parse_threads(value);
  else
    fail(ErrorCode::kInvalidArgument,
         "unknown key '{}'{}; there are mode, precision, device and threads", key,
         did_you_mean(key, {"mode", "precision", "device", "threads"}));
}

void set_by_word(const std::string& word, EngineOptions& options) {
  for (const Mode mode : {Mode::kCaffe, Mode::kFused})
    if (word == to_string(mode)) {
      options.mode = mode;
      return;
    }
  for (const Precision precision :
       {Precision::kFp32, Precision::kTf32, Precision::kFp16, Precision::kBf16, Precision::kInt8})
    if (word == to_string(precision)) {
      options.precision = precision;
      return;
    }
  if (word != "cpu" && !word.starts_with("cuda"))
    fail(ErrorCode::kInvalidArgument, "'{}' is no mode, precision or device{}", word,
         did_you_mean(word,
                      {"caffe", "fused", "fp32", "tf32", "fp16", "bf16", "int8", "cpu", "cuda"}));
  options.device = word;
}

}  // namespace

EngineOptions parse_configuration(const std::string& text, EngineOptions base) {
  return with_context([&] { return "configuration '" + text + "'"; },
                      [&] {
                        std::istringstream words(text);
                        for (std::string word; std::getline(words, word, ',');) {
                          const std::size_t equals = word.find('=');
                          if (equals == std::string::npos)
                            set_by_word(word, base);
                          else
                            set_by_key(word.substr(0, equals), word.substr(equals + 1), base);
                        }
                        return base;
                      });
}

}  // namespace kissa::tools
