#include "base/near_match.h"

#include <gtest/gtest.h>

namespace kissa {
namespace {

using Names = std::vector<std::string_view>;

TEST(NearMatchTest, CountsEdits) {
  EXPECT_EQ(edit_distance("pool", "pool"), 0);
  EXPECT_EQ(edit_distance("", "pool"), 4);
  EXPECT_EQ(edit_distance("pool", ""), 4);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("ReLU", "relu"), 0);
  EXPECT_EQ(edit_distance("Sotfmax", "Softmax"), 1);
}

TEST(NearMatchTest, OrdersByDistanceThenName) {
  const Names names = {"Silence", "Softmax", "SoftmaxWithLoss", "Softmin", "Softmax"};
  EXPECT_EQ(nearest("Sofmax", names, 2), (Names{"Softmax", "Softmin"}));
  EXPECT_EQ(nearest("x", {"b", "a"}, 5), (Names{"a", "b"}));
  EXPECT_TRUE(nearest("x", {}, 3).empty());
}

TEST(NearMatchTest, SuggestsOnlyWhatIsClose) {
  EXPECT_EQ(did_you_mean("Poling", {"Pooling", "Power"}), "; did you mean 'Pooling'?");
  EXPECT_EQ(did_you_mean("NoSuchLayer", {"Pooling", "Power"}), "");
  EXPECT_EQ(did_you_mean("dat", {"data"}), "; did you mean 'data'?");
  EXPECT_EQ(did_you_mean("x", {}), "");
}

TEST(NearMatchTest, TakesNamesOfAnyLength) {
  const std::string longest(1 << 20, 'a');
  EXPECT_EQ(edit_distance(longest, longest + "b"), 0);
  EXPECT_EQ(did_you_mean(longest, {"data"}), "");
}

}  // namespace
}  // namespace kissa
