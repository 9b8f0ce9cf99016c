// Results that commands save and read: JSON of one versioned schema (docs/results_schema.md).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "kissa/kissa.h"
#include "latency.h"

namespace kissa::tools {

using Json = nlohmann::ordered_json;

inline constexpr int kResultSchema = 1;

// The processor, and the GPU where `device` is one.
Json machine_of(const std::string& device);

// What every result begins with: schema, what it is, date, network, version and machine.
Json new_result(std::string_view what, const std::string& network, const std::string& device);

// The file appears whole under its name or not at all.
void write_json(const Json& document, const std::string& path);
// As text of one line, whatever bytes its strings hold.
std::string to_line(const Json& document);

// Throws kInvalidFile where it is no result of a schema that this program knows.
Json read_result(const std::string& path);

// In microseconds, of times in milliseconds.
Json to_json(const Latency& latency);
double rounded_us(double us);  // to a tenth

}  // namespace kissa::tools
