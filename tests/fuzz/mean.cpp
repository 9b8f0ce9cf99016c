// A file of one blob, such as mean.binaryproto.
#include "fuzz.h"
#include "import/caffe/import.h"

namespace kissa::fuzz {
namespace {

void read_mean(const std::uint8_t* data, std::size_t size) {
  const InputFile file(data, size);
  read_blob_file(file.path());
}

}  // namespace
}  // namespace kissa::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kissa::fuzz::expect_no_surprise(kissa::fuzz::read_mean, data, size);
  return 0;
}
