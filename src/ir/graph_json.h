// Graphs as JSON: all of a graph but its constants' data.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>

#include "ir/graph.h"

namespace kissa {

// Values keep their numbers.
nlohmann::json to_json(const Graph& graph);

// Gives the data of the graph's next constant that has any, in the order of values().
using FindData = std::function<ConstantData(const Shape& shape)>;

// The reverse. Takes nothing for granted: throws kInvalidFile or kInvalidModel where the JSON is
// not what to_json could have written for a valid graph.
Graph graph_from_json(const nlohmann::json& whole, const FindData& find_data);

}  // namespace kissa
