// Reading and writing values as JSON, where nothing that is read is taken for granted.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/shape.h"

namespace kissa::json {

using Json = nlohmann::json;

// write(value) gives JSON; read(json, value) the reverse, and throws kInvalidFile where the JSON is
// of another kind or does not fit.

template <class T>
Json write(const T& value) {
  return value;
}
// JSON has no infinities and no NaN: they become words.
Json write(float value);
// Any bytes: JSON holds UTF-8 only, so that other text becomes an array of byte values.
Json write(const std::string& text);
Json write(const Shape& shape);
template <class T>
Json write(const std::vector<T>& values);

template <class T>
Json write(const std::optional<T>& value) {
  return value ? write(*value) : Json();
}

template <class T>
Json write(const std::vector<T>& values) {
  Json json = Json::array();
  for (const T& value : values) json.push_back(write(value));
  return json;
}

void read(const Json& json, bool& value);
void read(const Json& json, int& value);
void read(const Json& json, std::int64_t& value);
void read(const Json& json, std::uint64_t& value);
void read(const Json& json, float& value);
void read(const Json& json, std::string& text);
void read(const Json& json, Shape& shape);
void read(const Json& json, std::array<std::int64_t, 2>& values);

void require_array(const Json& json);

template <class T>
void read(const Json& json, std::optional<T>& value) {
  value.reset();
  if (!json.is_null()) read(json, value.emplace());
}

template <class T>
void read(const Json& json, std::vector<T>& values) {
  require_array(json);
  values.clear();
  for (const Json& element : json) read(element, values.emplace_back());
}

// Throws kInvalidFile where `json` is no object or has no such member.
const Json& member(const Json& json, const char* key);
const Json& array_member(const Json& json, const char* key);

template <class T>
T read_member(const Json& json, const char* key) {
  T value{};
  read(member(json, key), value);
  return value;
}

}  // namespace kissa::json
