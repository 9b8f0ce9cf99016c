// The words of a case line: numbers, lists, shapes and key=value fields. For cases.cpp alone.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/shape.h"
#include "cases.h"

namespace kissa::cases {

inline std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

inline std::vector<std::string_view> split_words(std::string_view line) {
  std::vector<std::string_view> words = split(line.substr(0, line.find('#')), ' ');
  std::erase(words, "");
  return words;
}

template <class T>
requires std::integral<T> || std::floating_point<T>
void parse(std::string_view text, T& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end)
    fail(ErrorCode::kInvalidFile, "'{}' is no number, or too large", text);
}

inline void parse(std::string_view text, bool& value) {
  if (text != "0" && text != "1") fail(ErrorCode::kInvalidFile, "'{}' is neither 0 nor 1", text);
  value = text == "1";
}

inline void parse(std::string_view text, std::string& value) { value = text; }

inline void parse(std::string_view text, Shape& shape) {
  std::vector<std::int64_t> dims;
  if (text != "scalar")
    for (const std::string_view part : split(text, 'x')) parse(part, dims.emplace_back());
  shape = Shape(std::move(dims));
}

inline void parse(std::string_view text, Fill& fill) {
  auto parts = split(text, ':');
  fill.integers = parts[0] == "integers";
  if (fill.integers) parts.erase(parts.begin());
  if (parts.size() != 2) fail(ErrorCode::kInvalidFile, "'{}' is no low:high", text);
  parse(parts[0], fill.low);
  parse(parts[1], fill.high);
  if (!(fill.low <= fill.high)) fail(ErrorCode::kInvalidFile, "'{}' is no low:high", text);
}

template <class T>
void parse(std::string_view text, std::optional<T>& value) {
  parse(text, value.emplace());
}

template <class T>
void parse(std::string_view text, std::vector<T>& values) {
  values.clear();
  for (const std::string_view part : split(text, ',')) parse(part, values.emplace_back());
}

// One number stands for both.
template <class T>
void parse(std::string_view text, std::array<T, 2>& values) {
  std::vector<T> list;
  parse(text, list);
  if (list.size() > 2) fail(ErrorCode::kInvalidFile, "'{}' holds more than 2 numbers", text);
  values = {list.front(), list.back()};
}

// The key=value words of a line. Each key is to be taken once.
class Fields {
 public:
  explicit Fields(const std::vector<std::string_view>& words) {
    for (const std::string_view word : words) {
      const std::size_t equals = word.find('=');
      if (equals == std::string_view::npos)
        fail(ErrorCode::kInvalidFile, "'{}' is no key=value", word);
      fields_.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
  }

  // Leaves `value` as it is where the line has no such key.
  template <class T>
  void take(std::string_view key, T& value) {
    if (const auto text = take_text(key))
      with_context([&] { return std::string(key); }, [&] { parse(*text, value); });
  }

  template <class T, class Names>
  void take(std::string_view key, T& value, const Names& names) {
    const auto text = take_text(key);
    if (!text) return;
    const auto it = std::find_if(names.begin(), names.end(),
                                 [&](const auto& entry) { return entry.first == *text; });
    if (it == names.end()) fail(ErrorCode::kInvalidFile, "{}: no such choice: '{}'", key, *text);
    value = it->second;
  }

  void expect_all_taken() const {
    if (!fields_.empty())
      fail(ErrorCode::kInvalidFile, "unknown, or second, key '{}'", fields_[0].first);
  }

 private:
  std::optional<std::string_view> take_text(std::string_view key) {
    const auto it = std::find_if(fields_.begin(), fields_.end(),
                                 [&](const auto& field) { return field.first == key; });
    if (it == fields_.end()) return std::nullopt;
    const std::string_view text = it->second;
    fields_.erase(it);
    return text;
  }

  std::vector<std::pair<std::string_view, std::string_view>> fields_;
};

}  // namespace kissa::cases
