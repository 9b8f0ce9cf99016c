// Fields of a network's text that its schema cannot know: parameters of plugins' layers, and what
// forks say to training and data layers.
#pragma once

#include <string>

namespace kissa::caffe {

// The text with each `field { ... }` of a plugin's layer type as a string, `custom_param: "..."`,
// and without the fields of forks that do not touch inference. Lines keep their numbers.
std::string hide_unknown_fields(const std::string& text);

}  // namespace kissa::caffe
