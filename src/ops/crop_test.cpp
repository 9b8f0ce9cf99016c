#include "ops/crop.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Crop crop(int axis, std::vector<std::int64_t> offsets = {}) {
  Crop op;
  op.axis = axis;
  op.offsets = std::move(offsets);
  return op;
}

TEST(CropTest, CutsFromTheAxisOn) {
  const Literal x = counting({1, 3, 4});
  const Literal like = counting({7, 2, 2});
  EXPECT_EQ(infer(crop(1), {x.shape, like.shape}), Shapes{Shape({1, 2, 2})});
  EXPECT_THAT(evaluate(crop(1), {x, like}), ElementsAre(1, 2, 5, 6));
  EXPECT_THAT(evaluate(crop(1, {1}), {x, like}), ElementsAre(6, 7, 10, 11));
  EXPECT_THAT(evaluate(crop(1, {0, 2}), {x, like}), ElementsAre(3, 4, 7, 8));
  EXPECT_THAT(evaluate(crop(-1, {2}), {x, like}), ElementsAre(3, 4, 7, 8, 11, 12));
}

TEST(CropTest, RefusesWhatDoesNotFit) {
  const Shape x = {1, 3, 4};
  EXPECT_THAT(refusal(crop(1, {2}), {x, {1, 2, 2}}),
              AllOf(HasSubstr("cannot cut 1x3x4 to 1x2x2"), HasSubstr("offset 2 on axis 1")));
  EXPECT_THAT(refusal(crop(1), {x, {1, 2, 5}}), HasSubstr("offset 0 on axis 2"));
  EXPECT_THAT(refusal(crop(1, {-1}), {x, {1, 2, 2}}), HasSubstr("offset -1"));
  EXPECT_THAT(refusal(crop(1, {INT64_MAX}), {x, {1, 2, 2}}), HasSubstr("leaves too little"));
  EXPECT_THAT(refusal(crop(0, {0, 1}), {x, {1, 2, 2}}),
              HasSubstr("2 offsets do not fit the 3 axes"));
  EXPECT_THAT(refusal(crop(1), {x, {2, 2}}), HasSubstr("number of axes"));
  EXPECT_THAT(refusal(crop(1), {x}), HasSubstr("takes 2 input"));
}

}  // namespace
}  // namespace kissa
