#include "kissa/types.h"

#include <array>
#include <utility>

#include "base/error.h"

namespace kissa {
namespace {

constexpr std::array<std::pair<Mode, std::string_view>, 2> kModes = {
    {{Mode::kCaffe, "caffe"}, {Mode::kFused, "fused"}}};
constexpr std::array<std::pair<Precision, std::string_view>, 5> kPrecisions = {
    {{Precision::kFp32, "fp32"},
     {Precision::kTf32, "tf32"},
     {Precision::kFp16, "fp16"},
     {Precision::kBf16, "bf16"},
     {Precision::kInt8, "int8"}}};

template <class Table>
auto parse(const Table& table, std::string_view kind, std::string_view text) {
  std::string known;
  for (const auto& [value, name] : table) {
    if (name == text) return value;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  fail(ErrorCode::kInvalidArgument, "unknown {} '{}'; there are: {}", kind, text, known);
}

template <class Table, class Value>
std::string_view name_in(const Table& table, Value value) noexcept {
  for (const auto& [known, name] : table)
    if (known == value) return name;
  return "?";
}

}  // namespace

std::string_view to_string(Mode mode) noexcept { return name_in(kModes, mode); }
std::string_view to_string(Precision precision) noexcept { return name_in(kPrecisions, precision); }
Mode parse_mode(std::string_view text) { return parse(kModes, "mode", text); }
Precision parse_precision(std::string_view text) { return parse(kPrecisions, "precision", text); }

}  // namespace kissa
