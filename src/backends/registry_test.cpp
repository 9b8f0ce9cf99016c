#include "backends/registry.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace kissa {
namespace {

TEST(Registry, FindsDevicesByNameAndIndex) {
  EXPECT_EQ(find_device("cpu").backend.name, "cpu");
  EXPECT_EQ(find_device("cpu").index, 0);
  EXPECT_EQ(find_device("cpu:3").index, 3);
}

TEST(Registry, RefusesOthers) {
  for (const char* name : {"", "gpu", "cpu:", "cpu:x", "cpu:-1", "cpu:1x", "cpu:99999999999"})
    EXPECT_THROW(find_device(name), Error) << name;
  EXPECT_THROW(find_device("cpu").backend.create({.index = 1}), Error);
}

}  // namespace
}  // namespace kissa
