#include "ops/detection_output.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Two default boxes, and locations of 0.
const Literal kPriors = {{1, 2, 8}, {0, 0, 0.5f, 0.5f, 0.5f, 0.5f, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};
const Literal kStill = {{1, 8}, std::vector<float>(8, 0.0f)};

DetectionOutput detection_output() {
  DetectionOutput op;
  op.num_classes = 3;
  op.confidence_threshold = 0.1f;
  return op;
}

std::vector<float> first(const std::vector<float>& y, std::size_t count) {
  return {y.begin(), y.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST(DetectionOutputTest, OrdersByClassAndScore) {
  const Literal scores = {{1, 6}, {0.9f, 0.2f, 0, 0.9f, 0.4f, 0.3f}};
  const auto y = evaluate_all(detection_output(), {kStill, scores, kPriors});
  EXPECT_THAT(y[1], ElementsAre(3));
  EXPECT_THAT(first(y[0], 21), ElementsAre(0, 1, 0.4f, 0.5f, 0.5f, 1, 1,  //
                                           0, 1, 0.2f, 0, 0, 0.5f, 0.5f,  //
                                           0, 2, 0.3f, 0.5f, 0.5f, 1, 1));
  DetectionOutput op = detection_output();
  op.keep_top_k = 2;
  const auto kept = evaluate_all(op, {kStill, scores, kPriors});
  EXPECT_EQ(kept[0][1], 1);
  EXPECT_EQ(kept[0][8], 2);
  EXPECT_THAT(kept[1], ElementsAre(2));
}

TEST(DetectionOutputTest, NothingFoundIsARowAnImage) {
  DetectionOutput op = detection_output();
  op.keep_top_k = 1;
  const Literal still = {{2, 8}, std::vector<float>(16, 0.0f)};
  const Literal scores = {{2, 6}, std::vector<float>(12, 0.05f)};
  const auto y = evaluate_all(op, {still, scores, kPriors});
  EXPECT_THAT(y[0], ElementsAre(0, -1, -1, -1, -1, -1, -1, 1, -1, -1, -1, -1, -1, -1));
  EXPECT_THAT(y[1], ElementsAre(2));
}

TEST(DetectionOutputTest, DecodesEachCode) {
  const Literal priors = {{1, 2, 4}, {0, 0, 2, 4, 0.5f, 0.5f, 1, 1}};
  const Literal moves = {{1, 4}, {1, 1, 0, 0}};
  const Literal scores = {{1, 3}, {0, 1, 0}};
  const auto box = [&](BoxCode code) {
    DetectionOutput op = detection_output();
    op.code = code;
    const auto y = evaluate(op, {moves, scores, priors});
    return std::vector(y.begin() + 3, y.begin() + 7);
  };
  EXPECT_THAT(box(BoxCode::kCorner), ElementsAre(0.5f, 0.5f, 2, 4));
  EXPECT_THAT(box(BoxCode::kCenterSize), ElementsAre(1, 2, 3, 6));
  EXPECT_THAT(box(BoxCode::kCornerSize), ElementsAre(1, 2, 2, 4));
}

TEST(DetectionOutputTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(refusal(detection_output(), {{1, 8}, {1, 5}, {1, 2, 8}}), HasSubstr("do not fit"));
  EXPECT_THAT(refusal(detection_output(), {{1, 8}, {1, 6}, {1, 2, 6}}), HasSubstr("1x2x4P"));
  EXPECT_THAT(refusal(DetectionOutput(), {{1, 8}, {1, 6}, {1, 2, 8}}), HasSubstr("num_classes"));
}

}  // namespace
}  // namespace kissa
