// Where steps keep the parameters that they packed: memory of a device in the order of execution.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "device/device.h"

namespace kissa {

// What one piece takes where pieces lie one behind the other: each is aligned to what a GPU reads
// at once.
constexpr std::int64_t kPieceAlignment = 256;
constexpr std::int64_t padded_piece(std::int64_t bytes) {
  return (bytes + kPieceAlignment - 1) / kPieceAlignment * kPieceAlignment;
}

// One thread at a time. All throw kOutOfMemory and kDevice.
class WeightArena {
 public:
  using Fill = std::function<void(void* host)>;
  // What add() gave out.
  struct Piece {
    const void* data;
    std::int64_t bytes;
  };

  // An empty one in memory of `device`, which outlives it.
  explicit WeightArena(Device& device);
  // One that was filled before: add() gives out pieces of these sizes, one after the other, and
  // calls no `pack`. `read` writes all of them, padded, into host memory; it is called once, here.
  WeightArena(Device& device, const std::vector<std::int64_t>& sizes, const Fill& read);
  WeightArena(const WeightArena&) = delete;
  WeightArena& operator=(const WeightArena&) = delete;

  // Memory of the device of `bytes` bytes, aligned to 64 at least, that lives as long as the arena.
  // `pack` writes it now, in zeroed host memory, or not at all where it was filled before. Then
  // throws kInvalidFile where it is asked for another size than it was filled with.
  const void* add(std::int64_t bytes, const Fill& pack);
  std::int64_t bytes() const { return bytes_; }
  // In the order of add().
  std::span<const Piece> pieces() const { return std::span(pieces_).first(given_); }

 private:
  char* reserve(std::int64_t bytes);
  void upload(void* dst, const void* host, std::int64_t bytes);

  Device& device_;
  std::unique_ptr<Stream> stream_;  // none where the device is the host
  bool is_filled_ = false;          // before the first add()
  std::vector<std::unique_ptr<Buffer>> chunks_;
  char* next_ = nullptr;
  std::int64_t left_ = 0;  // of the last chunk
  std::vector<Piece> pieces_;
  std::size_t given_ = 0;
  std::int64_t bytes_ = 0;
};

}  // namespace kissa
