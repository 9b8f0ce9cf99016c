// Protobuf's binary format, walked in place with 64-bit offsets: weight files pass the 2 GiB where
// protobuf's own parser ends, and a walk never touches the numbers that it steps over.
#pragma once

#include <cstdint>

#include "base/file.h"

namespace kissa::caffe {

enum class WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct WireField {
  std::uint32_t number = 0;
  WireType type = WireType::kVarint;
  std::uint64_t value = 0;  // of a kVarint
  std::uint64_t begin = 0;  // of the payload in the file; an embedded message is again such a walk
  std::uint64_t end = 0;

  std::uint64_t size() const noexcept { return end - begin; }
  bool is(std::uint32_t field_number, WireType field_type) const noexcept {
    return number == field_number && type == field_type;
  }
};

// The fields of the message at bytes [begin, end) of the file.
class WireReader {
 public:
  WireReader(const File& file, std::uint64_t begin, std::uint64_t end)
      : file_(file), at_(begin), end_(end) {}

  // The next field, or false at the end. Throws kInvalidFile with the byte offset on bytes that are
  // no field, or a field that reaches over the end.
  bool next(WireField& field);

  // The same bytes as a row of varints, as packed integers are.
  bool at_end() const noexcept { return at_ == end_; }
  std::uint64_t varint();

 private:
  const File& file_;
  std::uint64_t at_;
  std::uint64_t end_;
};

}  // namespace kissa::caffe
