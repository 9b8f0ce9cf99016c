// Graphs as JSON: all of a graph but its constants' data.
#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "ir/graph.h"

namespace kissa {

// Any string of bytes: JSON holds UTF-8 only, so that others become an array of byte values.
nlohmann::json to_json(const std::string& text);
// Throws kInvalidFile where it is neither.
std::string text_from_json(const nlohmann::json& json);

nlohmann::json to_json(const Shape& shape);
Shape shape_from_json(const nlohmann::json& json);

// Values keep their numbers.
nlohmann::json to_json(const Graph& graph);

// Gives the data of the graph's i-th constant, in the order of values().
using FindData = std::function<ConstantData(std::size_t i, const Shape& shape)>;

// The reverse. Takes nothing for granted: throws kInvalidFile or kInvalidModel where the JSON is
// not what to_json could have written for a valid graph.
Graph graph_from_json(const nlohmann::json& json, const FindData& find_data);

}  // namespace kissa
