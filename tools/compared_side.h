// One side of a comparison: what a network gave for each of some inputs, run now or saved.
#pragma once

#include <string>
#include <vector>

#include "kissa/kissa.h"
#include "result.h"
#include "samples.h"

namespace kissa::tools {

// What one side gave: the first output's values for every sample.
struct Side {
  std::string title;
  Json setting;
  std::string output;
  std::vector<std::string> names;
  std::vector<std::vector<float>> rows;
};

Side run_side(const std::string& title, const Engine& engine, const Samples& samples);

// A result of what "outputs".
void save_side(const Side& side, const std::string& network, const std::string& path);
// Throws kInvalidFile, with the path in front, where the document is not as save_side() writes it.
Side side_of(const Json& document, const std::string& path);

// Throws kInvalidArgument where they are not of the same inputs, or not as many numbers.
void check_sides(const Side& a, const Side& b);

}  // namespace kissa::tools
