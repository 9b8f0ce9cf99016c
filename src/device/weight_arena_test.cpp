#include "device/weight_arena.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/cpu/cpu.h"
#include "base/error.h"
#include "device/device_testing.h"

namespace kissa {
namespace {

using Bytes = std::vector<unsigned char>;

std::unique_ptr<Device> host() { return cpu::create_device(1); }
std::unique_ptr<Device> apart() { return std::make_unique<ApartDevice>(host(), "a machine"); }

Bytes pattern(std::int64_t bytes, unsigned seed) {
  Bytes data(static_cast<std::size_t>(bytes));
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<unsigned char>(i * 31 + i / 256 + seed);
  return data;
}

Bytes bytes_of(const WeightArena::Piece& piece) {
  const auto* data = static_cast<const unsigned char*>(piece.data);
  return {data, data + piece.bytes};
}

// Sizes around an alignment's border, and more than a chunk of a device.
const std::vector<std::int64_t> kSizes = {
    1, 0, 255, 256, 257, std::int64_t{5} << 20, 7 * 4096, 64, std::int64_t{3} << 20};

TEST(WeightArena, KeepsWhatIsPackedInOrderAndAligned) {
  for (const auto make : {host, apart}) {
    const auto device = make();
    WeightArena arena(*device);
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < kSizes.size(); ++i) {
      const Bytes data = pattern(kSizes[i], static_cast<unsigned>(i));
      void* packed = nullptr;
      const void* kept = arena.add(kSizes[i], [&](void* memory) {
        packed = memory;
        const auto* old = static_cast<const unsigned char*>(memory);
        EXPECT_TRUE(std::all_of(old, old + data.size(), [](unsigned char c) { return c == 0; }));
        std::copy(data.begin(), data.end(), static_cast<unsigned char*>(memory));
      });
      EXPECT_EQ(kept == packed, device->is_host());
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(kept) % kPieceAlignment, 0u);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(packed) % 64, 0u);
      sum += padded_piece(kSizes[i]);
    }
    EXPECT_EQ(arena.bytes(), sum);
    ASSERT_EQ(arena.pieces().size(), kSizes.size());
    for (std::size_t i = 0; i < kSizes.size(); ++i)
      EXPECT_EQ(bytes_of(arena.pieces()[i]), pattern(kSizes[i], static_cast<unsigned>(i)));
  }
}

TEST(WeightArena, GivesOutWhatItWasFilledWith) {
  for (const auto make : {host, apart}) {
    const auto device = make();
    int reads = 0;
    WeightArena arena(*device, kSizes, [&](void* memory) {
      ++reads;
      auto* next = static_cast<unsigned char*>(memory);
      for (std::size_t i = 0; i < kSizes.size(); ++i) {
        const Bytes data = pattern(kSizes[i], static_cast<unsigned>(i));
        std::copy(data.begin(), data.end(), next);
        next += padded_piece(kSizes[i]);
      }
    });
    EXPECT_EQ(reads, 1);
    EXPECT_TRUE(arena.pieces().empty());
    for (std::size_t i = 0; i < kSizes.size(); ++i) {
      const void* kept = arena.add(kSizes[i], [](void*) { ADD_FAILURE() << "packs again"; });
      EXPECT_EQ(arena.pieces().size(), i + 1);
      EXPECT_EQ(bytes_of({kept, kSizes[i]}), pattern(kSizes[i], static_cast<unsigned>(i)));
    }
    EXPECT_THROW(arena.add(1, [](void*) {}), Error);
  }
}

TEST(WeightArena, RefusesAnotherSizeThanItWasFilledWith) {
  const auto device = apart();
  WeightArena arena(*device, {64, 128}, [](void*) {});
  EXPECT_THROW(arena.add(128, [](void*) {}), Error);
  arena.add(64, [](void*) {});
  EXPECT_THROW(arena.add(64, [](void*) {}), Error);
}

TEST(WeightArena, NothingIsReadWhereReadingFails) {
  const auto device = apart();
  const auto fail_to_read = [](void*) { fail(ErrorCode::kInvalidFile, "is damaged"); };
  EXPECT_THROW(WeightArena(*device, {64}, fail_to_read), Error);
}

}  // namespace
}  // namespace kissa
