#include "device/weight_arena.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace kissa {
namespace {

// Pages of the host that nobody touched cost nothing.
constexpr std::int64_t kHostChunk = std::int64_t{256} << 20;
constexpr std::int64_t kDeviceChunk = std::int64_t{4} << 20;

// Host memory that is packed as if it lay on the device.
struct alignas(64) Line {
  std::array<std::byte, 64> bytes;
};
std::size_t lines(std::int64_t bytes) {
  return static_cast<std::size_t>(padded_piece(bytes)) / sizeof(Line);
}

}  // namespace

WeightArena::WeightArena(Device& device)
    : device_(device), stream_(device.is_host() ? nullptr : device.create_stream()) {}

WeightArena::WeightArena(Device& device, const std::vector<std::int64_t>& sizes, const Fill& read)
    : WeightArena(device) {
  is_filled_ = true;
  std::int64_t sum = 0;
  for (const std::int64_t size : sizes) sum += padded_piece(size);
  chunks_.push_back(device_.allocate(sum));
  auto* data = static_cast<char*>(chunks_[0]->data());
  if (device_.is_host()) {
    read(data);
  } else {
    const auto host = std::make_unique_for_overwrite<Line[]>(lines(sum));
    read(host.get());
    upload(data, host.get(), sum);
  }
  for (const std::int64_t size : sizes) {
    pieces_.push_back({data, size});
    data += padded_piece(size);
  }
}

const void* WeightArena::add(std::int64_t bytes, const Fill& pack) {
  if (is_filled_) {
    if (given_ == pieces_.size() || pieces_[given_].bytes != bytes)
      fail(ErrorCode::kInvalidFile, "its weights are not packed as this Kissa packs them");
  } else {
    char* data = reserve(padded_piece(bytes));
    if (device_.is_host()) {
      pack(data);
    } else {
      const auto host = std::make_unique<Line[]>(lines(bytes));
      pack(host.get());
      upload(data, host.get(), bytes);
    }
    pieces_.push_back({data, bytes});
  }
  bytes_ += padded_piece(bytes);
  return pieces_[given_++].data;
}

// Chunks are filled one after the other: the next weights are at the next addresses.
char* WeightArena::reserve(std::int64_t bytes) {
  if (bytes > left_) {
    left_ = std::max(bytes, device_.is_host() ? kHostChunk : kDeviceChunk);
    chunks_.push_back(device_.allocate(left_));
    next_ = static_cast<char*>(chunks_.back()->data());
  }
  char* data = next_;
  next_ += bytes;
  left_ -= bytes;
  return data;
}

void WeightArena::upload(void* dst, const void* host, std::int64_t bytes) {
  stream_->copy(dst, host, bytes);
  stream_->synchronize();
}

}  // namespace kissa
