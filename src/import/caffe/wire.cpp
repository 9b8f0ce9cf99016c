#include "import/caffe/wire.h"

#include "base/error.h"

namespace kissa::caffe {
namespace {

// A field number of 29 bits and one of the four wire types that are in use.
bool is_tag(std::uint64_t tag) {
  const std::uint64_t type = tag & 7;
  return tag >= 8 && tag >> 32 == 0 && (type <= 2 || type == 5);
}

}  // namespace

std::uint64_t WireReader::varint() {
  const std::uint64_t begin = at_;
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == end_)
      fail(ErrorCode::kInvalidFile, "{}: truncated or damaged: a number is cut off at byte {}",
           file_.path(), at_);
    const std::uint64_t byte = file_.byte(at_++);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail(ErrorCode::kInvalidFile, "{}: not a Caffe file, or damaged: no number at byte {}",
       file_.path(), begin);
}

bool WireReader::next(WireField& field) {
  if (at_ == end_) return false;
  const std::uint64_t begin = at_;
  const std::uint64_t tag = varint();
  if (!is_tag(tag))
    fail(ErrorCode::kInvalidFile, "{}: not a Caffe file, or damaged: no field at byte {}",
         file_.path(), begin);
  field.number = static_cast<std::uint32_t>(tag >> 3);
  field.type = static_cast<WireType>(tag & 7);
  std::uint64_t size = 0;
  if (field.type == WireType::kBytes) size = varint();
  if (field.type == WireType::kFixed32) size = 4;
  if (field.type == WireType::kFixed64) size = 8;
  field.begin = at_;
  if (field.type == WireType::kVarint) field.value = varint();
  if (size > end_ - at_)
    fail(ErrorCode::kInvalidFile,
         "{}: truncated or damaged: the field at byte {} claims {} bytes, but {} are left",
         file_.path(), begin, size, end_ - at_);
  at_ += size;
  field.end = at_;
  return true;
}

}  // namespace kissa::caffe
