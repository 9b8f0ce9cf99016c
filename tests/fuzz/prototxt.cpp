// A network definition, without weights and then with random ones where they are few.
#include "fuzz.h"
#include "import/caffe/import.h"

namespace kissa::fuzz {
namespace {

constexpr std::int64_t kFewNumbers = 1 << 16;

void import_text(const std::uint8_t* data, std::size_t size) {
  const NetworkText text = {"net.prototxt", std::string(data, data + size)};
  const Graph graph = import_caffe(text, "", {});
  graph.verify();
  graph.to_text();
  std::int64_t numbers = 0;
  for (const Value& value : graph.values()) {
    if (!value.is_constant) continue;
    numbers += value.shape.elements();
    if (numbers > kFewNumbers) return;
  }
  ImportOptions options;
  options.random_seed = 1;
  import_caffe(text, "", options);
}

}  // namespace
}  // namespace kissa::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kissa::fuzz::expect_no_surprise(kissa::fuzz::import_text, data, size);
  return 0;
}
