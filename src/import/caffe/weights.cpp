#include "import/caffe/weights.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/fp16.h"
#include "import/caffe/import.h"
#include "import/caffe/wire.h"

namespace kissa::caffe {
namespace {

// Field numbers of the messages that weight files are made of (caffe.proto).
constexpr std::uint32_t kNetLayer = 100, kNetLayers = 2;
struct LayerFields {
  std::uint32_t name;
  std::uint32_t blobs;
};
constexpr LayerFields kV2 = {1, 7}, kV1 = {4, 6}, kV0 = {1, 50};
constexpr std::uint32_t kV1Layer = 1;  // a V0 layer inside V1's
constexpr std::uint32_t kBlobNum = 1, kBlobWidth = 4;
constexpr std::uint32_t kBlobData = 5, kBlobShape = 7, kBlobDoubleData = 8;
constexpr std::uint32_t kBlobRawType = 10, kBlobRawData = 12;
constexpr std::uint32_t kShapeDim = 1;

// Far more than any layer has: bounds what a damaged file makes of its bytes.
constexpr std::size_t kMaxBlobs = 1024;

bool is_float_data(const WireField& field) {
  return field.is(kBlobData, WireType::kBytes) || field.is(kBlobData, WireType::kFixed32);
}

bool is_double_data(const WireField& field) {
  return field.is(kBlobDoubleData, WireType::kBytes) ||
         field.is(kBlobDoubleData, WireType::kFixed64);
}

std::uint64_t size_of(NumberType type) {
  switch (type) {
    case NumberType::kFloat: return sizeof(float);
    case NumberType::kDouble: return sizeof(double);
    case NumberType::kHalf: return sizeof(std::uint16_t);
  }
  return 0;
}

// The type that raw_data_type's number stands for (caffe.proto's RawType).
NumberType raw_type(const File& file, std::uint64_t number, std::uint64_t begin) {
  switch (number) {
    case 0: return NumberType::kDouble;
    case 1: return NumberType::kFloat;
    case 2: return NumberType::kHalf;
    default:
      fail(ErrorCode::kUnsupported,
           "{}: the blob at byte {} holds integers (raw_data_type {}), which no layer learns",
           file.path(), begin, number);
  }
}

// Whether the field holds numbers of the blob, in the form that was chosen for it.
bool is_data(const WireField& field, const BlobEntry& blob) {
  if (blob.is_raw) return field.is(kBlobRawData, WireType::kBytes);
  return blob.type == NumberType::kDouble ? is_double_data(field) : is_float_data(field);
}

// Numbers in a field, which holds them packed or is one of them.
std::uint64_t count_numbers(const File& file, const WireField& field, std::uint64_t size) {
  if (field.size() % size != 0)
    fail(ErrorCode::kInvalidFile, "{}: damaged: the numbers at byte {} end inside a number",
         file.path(), field.begin);
  return field.size() / size;
}

void scan_shape(const File& file, const WireField& shape, std::vector<std::int64_t>& dims) {
  WireReader fields(file, shape.begin, shape.end);
  for (WireField field; fields.next(field);) {
    if (field.is(kShapeDim, WireType::kVarint))
      dims.push_back(static_cast<std::int64_t>(field.value));
    if (!field.is(kShapeDim, WireType::kBytes)) continue;
    WireReader packed(file, field.begin, field.end);
    while (!packed.at_end() && dims.size() <= Shape::kMaxRank)
      dims.push_back(static_cast<std::int64_t>(packed.varint()));
  }
  if (dims.size() > Shape::kMaxRank)
    fail(ErrorCode::kInvalidFile, "{}: damaged: a blob of more than {} axes at byte {}",
         file.path(), Shape::kMaxRank, shape.begin);
}

BlobEntry scan_blob(const File& file, std::uint64_t begin, std::uint64_t end) {
  BlobEntry blob = {.begin = begin, .end = end};
  std::vector<std::int64_t> legacy;
  std::uint64_t floats = 0, doubles = 0, raw_bytes = 0, raw_number = 1;
  WireReader fields(file, begin, end);
  for (WireField field; fields.next(field);) {
    if (is_float_data(field)) floats += count_numbers(file, field, sizeof(float));
    if (is_double_data(field)) doubles += count_numbers(file, field, sizeof(double));
    if (field.is(kBlobRawData, WireType::kBytes)) raw_bytes += field.size();
    if (field.is(kBlobRawType, WireType::kVarint)) raw_number = field.value;
    if (field.is(kBlobShape, WireType::kBytes)) scan_shape(file, field, blob.dims);
    if (field.type == WireType::kVarint && field.number >= kBlobNum && field.number <= kBlobWidth) {
      legacy.resize(4, 0);
      legacy[field.number - kBlobNum] = static_cast<std::int64_t>(field.value);
    }
  }
  if (!legacy.empty()) blob.dims = std::move(legacy);
  if (raw_bytes > 0) {
    blob.is_raw = true;
    blob.type = raw_type(file, raw_number, begin);
    if (raw_bytes % size_of(blob.type) != 0)
      fail(ErrorCode::kInvalidFile,
           "{}: damaged: the numbers of the blob at byte {} end inside one", file.path(), begin);
    blob.count = raw_bytes / size_of(blob.type);
    return blob;
  }
  blob.type = doubles > 0 ? NumberType::kDouble : NumberType::kFloat;
  blob.count = doubles > 0 ? doubles : floats;
  return blob;
}

struct LayerEntry {
  std::string name;
  std::vector<BlobEntry> blobs;
};

void scan_layer(const File& file, const WireField& message, const LayerFields& numbers,
                LayerEntry& layer) {
  WireReader fields(file, message.begin, message.end);
  for (WireField field; fields.next(field);) {
    if (field.type != WireType::kBytes) continue;
    if (field.number == numbers.name) {
      layer.name.resize(field.size());
      file.read(field.begin, std::as_writable_bytes(std::span(layer.name)));
    } else if (field.number == numbers.blobs) {
      if (layer.blobs.size() == kMaxBlobs)
        fail(ErrorCode::kInvalidFile, "{}: damaged: layer '{}' has more than {} blobs", file.path(),
             layer.name, kMaxBlobs);
      layer.blobs.push_back(scan_blob(file, field.begin, field.end));
    } else if (&numbers == &kV1 && field.number == kV1Layer) {
      scan_layer(file, field, kV0, layer);
    }
  }
}

template <class Number, class Convert>
void read_converted(const File& file, const WireField& field, std::span<float> out,
                    const Convert& convert) {
  std::vector<Number> numbers(out.size());
  file.read(field.begin, std::as_writable_bytes(std::span(numbers)));
  std::transform(numbers.begin(), numbers.end(), out.begin(), convert);
}

void read_numbers(const File& file, const WireField& field, NumberType type, std::span<float> out) {
  switch (type) {
    case NumberType::kFloat: return file.read(field.begin, std::as_writable_bytes(out));
    case NumberType::kDouble:
      return read_converted<double>(file, field, out,
                                    [](double number) { return static_cast<float>(number); });
    case NumberType::kHalf: return read_converted<std::uint16_t>(file, field, out, from_fp16);
  }
}

void read_blob(const File& file, const BlobEntry& blob, std::span<float> out) {
  WireReader fields(file, blob.begin, blob.end);
  for (WireField field; fields.next(field);) {
    if (!is_data(field, blob)) continue;
    const std::uint64_t count = field.size() / size_of(blob.type);
    if (count > out.size())
      fail(ErrorCode::kInvalidFile, "{}: changed while it was read", file.path());
    read_numbers(file, field, blob.type, out.first(count));
    out = out.subspan(count);
  }
}

}  // namespace

WeightFile::WeightFile(const std::string& path) : file_(path) {
  if (file_.size() == 0) fail(ErrorCode::kInvalidFile, "{}: is empty", path);
  bool has_layers = false;
  WireReader fields(file_, 0, file_.size());
  for (WireField field; fields.next(field);) {
    const bool is_v2 = field.is(kNetLayer, WireType::kBytes);
    if (!is_v2 && !field.is(kNetLayers, WireType::kBytes)) continue;
    has_layers = true;
    LayerEntry layer;
    scan_layer(file_, field, is_v2 ? kV2 : kV1, layer);
    if (layer.blobs.empty()) continue;
    if (!blobs_.contains(layer.name)) names_.push_back(layer.name);
    blobs_[layer.name] = std::move(layer.blobs);
  }
  if (!has_layers) fail(ErrorCode::kInvalidFile, "{}: holds no layers; is it a .caffemodel?", path);
}

const std::vector<BlobEntry>* WeightFile::find(const std::string& layer) const {
  const auto it = blobs_.find(layer);
  return it == blobs_.end() ? nullptr : &it->second;
}

ConstantData WeightFile::read(const BlobEntry& blob) const {
  const auto data = std::make_shared_for_overwrite<float[]>(blob.count);
  read_blob(file_, blob, {data.get(), blob.count});
  return {data, data.get()};
}

bool same_shape(const std::vector<std::int64_t>& claimed, const Shape& shape, bool allow_ones) {
  if (allow_ones) {
    std::vector<std::int64_t> left = claimed, right = shape.dims();
    std::erase(left, 1);
    std::erase(right, 1);
    return left == right;
  }
  const auto without_leading_ones = [](const std::vector<std::int64_t>& dims) {
    const auto first = std::find_if(dims.begin(), dims.end(), [](auto dim) { return dim != 1; });
    return std::span(first, dims.end());
  };
  const auto a = without_leading_ones(claimed);
  const auto b = without_leading_ones(shape.dims());
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

std::string dims_text(const std::vector<std::int64_t>& dims) {
  return dims.empty() ? "scalar" : fmt::format("{}", fmt::join(dims, "x"));
}

}  // namespace kissa::caffe

namespace kissa {

BlobFile read_blob_file(const std::string& path) {
  const File file(path);
  const caffe::BlobEntry blob = caffe::scan_blob(file, 0, file.size());
  if (blob.count == 0)
    fail(ErrorCode::kInvalidFile, "{}: holds no blob; is it a BlobProto such as mean.binaryproto?",
         path);
  BlobFile result;
  result.shape = with_context([&] { return path; }, [&] { return Shape(blob.dims); });
  if (static_cast<std::uint64_t>(result.shape.elements()) != blob.count)
    fail(ErrorCode::kInvalidFile, "{}: claims a shape of {}, but holds {} numbers", path,
         result.shape.to_string(), blob.count);
  result.data.resize(blob.count);
  caffe::read_blob(file, blob, result.data);
  return result;
}

}  // namespace kissa
