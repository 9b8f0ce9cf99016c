#include "ops/im2col.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Im2col im2col(std::int64_t kernel, std::int64_t stride, std::int64_t pad, std::int64_t dilation) {
  Im2col op;
  op.kernel = {kernel};
  op.stride = {stride};
  op.pad = {pad};
  op.dilation = {dilation};
  return op;
}

TEST(Im2colTest, WritesOutWindows) {
  EXPECT_EQ(infer_one(im2col(3, 2, 1, 1), {2, 4, 5}), Shape({2, 12, 3}));
  EXPECT_THAT(evaluate(im2col(2, 1, 0, 1), {counting({1, 2, 3})}),
              ElementsAre(1, 2, 2, 3, 4, 5, 5, 6));
  EXPECT_THAT(evaluate(im2col(2, 2, 1, 2), {counting({1, 1, 4})}), ElementsAre(0, 2, 2, 4));
}

TEST(Im2colTest, RefusesWhatCannotBe) {
  EXPECT_THAT(refusal(im2col(7, 1, 0, 1), {{1, 2, 3}}), HasSubstr("larger than the padded input"));
  EXPECT_THAT(refusal(im2col(2, 1, 0, 1), {{1, 2, 3, 4}}), HasSubstr("does not fit"));
  EXPECT_THAT(refusal(im2col(INT32_MAX, 1, INT32_MAX, 1), {{1, 64, 1}}), HasSubstr("2^36"));
}

}  // namespace
}  // namespace kissa
