#include "export/wire_message.h"

#include <bit>

namespace kissa {
namespace {

constexpr int kVarint = 0;
constexpr int kBytes = 2;
constexpr int kFixed32 = 5;

}  // namespace

void WireMessage::varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7f) | 0x80);
  bytes_ += static_cast<char>(value);
}

void WireMessage::tag(int field, int wire_type) {
  varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire_type));
}

WireMessage& WireMessage::integer(int field, std::int64_t value) {
  tag(field, kVarint);
  varint(static_cast<std::uint64_t>(value));
  return *this;
}

WireMessage& WireMessage::number(int field, float value) {
  tag(field, kFixed32);
  const auto bits = std::bit_cast<std::uint32_t>(value);
  for (int shift = 0; shift < 32; shift += 8) bytes_ += static_cast<char>(bits >> shift & 0xff);
  return *this;
}

WireMessage& WireMessage::begin_payload(int field, std::uint64_t bytes) {
  tag(field, kBytes);
  varint(bytes);
  return *this;
}

WireMessage& WireMessage::append(const WireMessage& fields) {
  bytes_ += fields.bytes_;
  return *this;
}

WireMessage& WireMessage::text(int field, std::string_view bytes) {
  begin_payload(field, bytes.size());
  bytes_ += bytes;
  return *this;
}

}  // namespace kissa
