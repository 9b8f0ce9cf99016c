#include "ops/filter.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(FilterTest, KeepsWhatTheSelectorNames) {
  const auto y = evaluate_all(Filter(), {counting({3, 2}), counting({3}), {{3}, {1, 0.5f, -1}}});
  EXPECT_THAT(y[0], ElementsAre(1, 2, 5, 6, 0, 0));
  EXPECT_THAT(y[1], ElementsAre(1, 3, 0));
  EXPECT_THAT(y[2], ElementsAre(2));
  EXPECT_EQ(counted_axis(Filter()), 0);
  EXPECT_EQ(counted_axis(Relu()), std::nullopt);
}

TEST(FilterTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(refusal(Filter(), {{3, 2}, {4}}), HasSubstr("cannot choose among"));
  EXPECT_THAT(refusal(Filter(), {{3, 2}, {3, 2}}), HasSubstr("one number an item"));
  EXPECT_THAT(refusal(Filter(), {{3}}), HasSubstr("2 inputs or more"));
}

}  // namespace
}  // namespace kissa
