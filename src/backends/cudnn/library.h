// cuDNN's library, looked for when it is first asked about.
#pragma once

#include <string>

#include "backends/cudnn/api.h"

namespace kissa::cudnn {

struct Library {
  bool is_loaded = false;
  bool is_named = false;  // by KISSA_CUDNN
  std::string text;       // its version and name, or why there is none
  Api api = {};           // all null where it is not loaded
};

// Where the environment variable KISSA_CUDNN says ("off": nowhere), or where the system's loader
// finds libcudnn.so.9. Stays loaded.
const Library& library();

}  // namespace kissa::cudnn
