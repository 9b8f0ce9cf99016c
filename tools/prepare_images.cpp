// kissa_prepare_images OUT.npy MEAN SIZE IMAGE...: the images (or folders of them) as a network of
// SIZE x SIZE inputs takes them, N x 3 x SIZE x SIZE.
#include <fmt/core.h>

#include <cstdlib>

#include "base/error.h"
#include "image.h"
#include "npy.h"

namespace kissa::tools {
namespace {

void prepare(const std::vector<std::string>& arguments) {
  if (arguments.size() < 4) fail(ErrorCode::kInvalidArgument, "takes OUT.npy MEAN SIZE IMAGE...");
  const int size = std::atoi(arguments[2].c_str());
  PreprocessOptions options;
  options.mean_file = arguments[1];
  const Preprocessor preprocessor(options, 3, size, size);
  const std::vector<std::string> images = list_images({arguments.begin() + 3, arguments.end()});
  const auto each = static_cast<std::size_t>(3 * size * size);
  std::vector<float> planes(images.size() * each);
  for (std::size_t i = 0; i < images.size(); ++i)
    preprocessor.run(load_image(images[i]), std::span(planes).subspan(i * each, each));
  write_npy(arguments[0], {static_cast<std::int64_t>(images.size()), 3, size, size}, planes);
}

}  // namespace
}  // namespace kissa::tools

int main(int argc, char** argv) {
  try {
    kissa::tools::prepare({argv + 1, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "kissa_prepare_images: {}\n", error.what());
    return 1;
  }
}
