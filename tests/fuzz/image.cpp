// An image file.
#include "image.h"

#include "fuzz.h"

namespace kissa::fuzz {
namespace {

void decode(const std::uint8_t* data, std::size_t size) {
  const InputFile file(data, size);
  tools::load_image(file.path());
}

}  // namespace
}  // namespace kissa::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kissa::fuzz::expect_no_surprise(kissa::fuzz::decode, data, size);
  return 0;
}
