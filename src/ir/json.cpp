#include "ir/json.h"

#include <cmath>
#include <limits>

#include "base/error.h"

namespace kissa::json {
namespace {

[[noreturn]] void fail_kind(std::string_view wanted) {
  fail(ErrorCode::kInvalidFile, "something else stands where {} should", wanted);
}

}  // namespace

Json write(float value) {
  if (std::isfinite(value)) return value;
  if (std::isnan(value)) return "nan";
  return value > 0 ? "inf" : "-inf";
}

Json write(const std::string& text) {
  try {
    static_cast<void>(Json(text).dump());
    return text;
  } catch (const Json::type_error&) {
    Json bytes = Json::array();
    for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
    return bytes;
  }
}

Json write(const Shape& shape) { return shape.dims(); }

void read(const Json& json, bool& value) {
  if (!json.is_boolean()) fail_kind("true or false");
  value = json.get<bool>();
}

void read(const Json& json, std::int64_t& value) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const bool fits =
      json.is_number_integer() && (!json.is_number_unsigned() || json.get<std::uint64_t>() <= kMax);
  if (!fits) fail_kind("an integer");
  value = json.get<std::int64_t>();
}

void read(const Json& json, std::uint64_t& value) {
  if (!json.is_number_unsigned()) fail_kind("a count");
  value = json.get<std::uint64_t>();
}

void read(const Json& json, int& value) {
  std::int64_t wide = 0;
  read(json, wide);
  if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max())
    fail_kind("a small integer");
  value = static_cast<int>(wide);
}

void read(const Json& json, float& value) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (json.is_number())
    value = static_cast<float>(json.get<double>());
  else if (json == "inf")
    value = kInfinity;
  else if (json == "-inf")
    value = -kInfinity;
  else if (json == "nan")
    value = std::numeric_limits<float>::quiet_NaN();
  else
    fail_kind("a number");
}

void read(const Json& json, std::string& text) {
  if (json.is_string()) {
    text = json.get_ref<const std::string&>();
    return;
  }
  std::vector<int> bytes;
  read(json, bytes);
  text.clear();
  for (const int byte : bytes) {
    if (byte < 0 || byte > 255) fail_kind("a byte");
    text.push_back(static_cast<char>(byte));
  }
}

void read(const Json& json, Shape& shape) {
  std::vector<std::int64_t> dims;
  read(json, dims);
  shape = Shape(std::move(dims));
}

void read(const Json& json, std::array<std::int64_t, 2>& values) {
  if (!json.is_array() || json.size() != 2) fail_kind("a pair");
  for (std::size_t i = 0; i < 2; ++i) read(json[i], values[i]);
}

void require_array(const Json& json) {
  if (!json.is_array()) fail_kind("a list");
}

const Json& member(const Json& json, const char* key) {
  if (!json.is_object()) fail_kind("an object");
  const auto it = json.find(key);
  if (it == json.end()) fail(ErrorCode::kInvalidFile, "'{}' is missing", key);
  return *it;
}

const Json& array_member(const Json& json, const char* key) {
  const Json& array = member(json, key);
  require_array(array);
  return array;
}

}  // namespace kissa::json
