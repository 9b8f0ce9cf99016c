// Protobuf's binary format, written field by field.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kissa {

// A message under construction. Fields stand in the order of the calls.
class WireMessage {
 public:
  WireMessage& integer(int field, std::int64_t value);
  WireMessage& number(int field, float value);
  WireMessage& text(int field, std::string_view bytes);
  WireMessage& message(int field, const WireMessage& value) { return text(field, value.bytes_); }
  WireMessage& append(const WireMessage& fields);
  // What stands in front of a field's payload of `bytes` that the caller writes behind it.
  WireMessage& begin_payload(int field, std::uint64_t bytes);

  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value);
  void tag(int field, int wire_type);

  std::string bytes_;
};

}  // namespace kissa
