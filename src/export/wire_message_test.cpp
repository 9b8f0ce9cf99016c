#include "export/wire_message.h"

#include <gtest/gtest.h>

namespace kissa {
namespace {

using std::string_literals::operator""s;

TEST(WireMessageTest, WritesEveryKindOfField) {
  EXPECT_EQ(WireMessage().integer(1, 150).bytes(), "\x08\x96\x01"s);
  EXPECT_EQ(WireMessage().integer(20, 0).bytes(), "\xa0\x01\x00"s);
  EXPECT_EQ(WireMessage().integer(1, -1).bytes(), "\x08"s + std::string(9, '\xff') + "\x01");
  EXPECT_EQ(WireMessage().text(2, "testing").bytes(), "\x12\x07testing"s);
  EXPECT_EQ(WireMessage().number(2, 1.5f).bytes(), "\x15\x00\x00\xc0\x3f"s);
}

TEST(WireMessageTest, NestsAndAppends) {
  const WireMessage inner = WireMessage().integer(1, 150);
  EXPECT_EQ(WireMessage().message(3, inner).bytes(), "\x1a\x03\x08\x96\x01"s);
  EXPECT_EQ(WireMessage().begin_payload(3, 3).append(inner).bytes(), "\x1a\x03\x08\x96\x01"s);
  EXPECT_EQ(WireMessage().begin_payload(9, 300).bytes(), "\x4a\xac\x02"s);
}

}  // namespace
}  // namespace kissa
