// What networks are compared on: images, or random inputs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#ifdef KISSA_HAS_IMAGES
#include "image.h"
#endif
#include "kissa/kissa.h"
#include "options.h"

namespace kissa::tools {

struct SampleOptions {
  std::vector<std::string> images;
  std::int64_t random = 1;
#ifdef KISSA_HAS_IMAGES
  PreprocessOptions preprocess;
#endif
};
// --images and how to prepare them, where the program reads images; --random-inputs.
void add_sample_options(CLI::App& command, SampleOptions& options);

// One image, or the random inputs of one run, at a time.
class Samples {
 public:
  // Throws kInvalidModel where images are given and the network takes none.
  Samples(const SampleOptions& options, const std::vector<TensorInfo>& inputs);

  const std::vector<std::string>& names() const { return names_; }
  // Fills the inputs of a context for batch 1.
  void fill(std::size_t i, Context& context) const;

 private:
  std::vector<TensorInfo> inputs_;
  std::vector<std::string> names_;
#ifdef KISSA_HAS_IMAGES
  std::optional<Preprocessor> preprocessor_;
#endif
};

}  // namespace kissa::tools
