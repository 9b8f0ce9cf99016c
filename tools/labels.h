// Text files of a labelled data set: the names of the classes, and the class of each image.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace kissa::tools {

// One name a line, in the order of the network's outputs. A carriage return before the line break
// is not part of the name.
std::vector<std::string> read_labels(const std::string& path);

struct LabelledImage {
  std::string file;
  std::size_t label;
  std::size_t line;  // where the file says so, counted from 1
};

// Lines of "file-name class-index", the index below `classes`; empty lines are skipped. Errors name
// file and line.
std::vector<LabelledImage> read_ground_truth(const std::string& path, std::size_t classes);

}  // namespace kissa::tools
