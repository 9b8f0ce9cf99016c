// A way to run a network, as one word of a command line.
#pragma once

#include <string>

#include "kissa/kissa.h"

namespace kissa::tools {

// `base` with what a text says, parts separated by commas: "caffe", "fused,bf16", "cuda:1,fp16", or
// by key, "mode=caffe,precision=fp16,device=cuda,threads=2". Throws kInvalidArgument.
EngineOptions parse_configuration(const std::string& text, EngineOptions base);

}  // namespace kissa::tools
