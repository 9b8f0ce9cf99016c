// The learned blobs of a .caffemodel of any of Caffe's three formats, found by layer name. The file
// is walked once, over its structure only; numbers are read when they are asked for.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/file.h"
#include "ir/graph.h"

namespace kissa::caffe {

// What a blob's numbers are in the file.
enum class NumberType { kFloat, kDouble, kHalf };

// A BlobProto in a file.
struct BlobEntry {
  std::vector<std::int64_t> dims = {};  // as the file claims; four of them in the legacy form
  std::uint64_t count = 0;              // elements that are really there
  NumberType type = NumberType::kFloat;
  bool is_raw = false;      // they lie in raw_data, NVCaffe's and OpenCV's field
  std::uint64_t begin = 0;  // bytes [begin, end) of the file
  std::uint64_t end = 0;
};

class WeightFile {
 public:
  // Throws kInvalidFile with the byte offset on a file that is missing, truncated or something
  // else.
  explicit WeightFile(const std::string& path);

  const std::string& path() const noexcept { return file_.path(); }
  // The blobs of the last layer of that name, or nullptr.
  const std::vector<BlobEntry>* find(const std::string& layer) const;
  // Names of the layers that have blobs, in the order of the file.
  const std::vector<std::string>& layers() const noexcept { return names_; }
  // The blob's numbers as FP32, whatever form the file holds them in.
  ConstantData read(const BlobEntry& blob) const;

 private:
  File file_;
  std::unordered_map<std::string, std::vector<BlobEntry>> blobs_;
  std::vector<std::string> names_;
};

// True where both shapes hold the same numbers in the same order, extents of 1 in front aside:
// legacy files say 1x1xNxK for N x K. `allow_ones`: extents of 1 anywhere.
bool same_shape(const std::vector<std::int64_t>& claimed, const Shape& shape,
                bool allow_ones = false);

std::string dims_text(const std::vector<std::int64_t>& dims);  // "64x3x7x7"

}  // namespace kissa::caffe
