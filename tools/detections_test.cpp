#include "detections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kissa/error.h"

namespace kissa::tools {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(DetectionsTest, SsdRowsAreBoxes) {
  const std::vector<float> rows = {0, 3, 0.9f, 0.1f, 0.2f, 0.3f, 0.4f,  //
                                   0, 1, 0.8f, 0,    0,    1,    1};
  const auto found = ssd_detections({rows, {1, 1, 2, 7}});
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].label, 3);
  EXPECT_EQ(found[0].score, 0.9f);
  EXPECT_EQ(found[0].ymax, 0.4f);
  const std::vector<float> none = {0, -1, -1, -1, -1, -1, -1};
  EXPECT_THAT(ssd_detections({none, {1, 1, 1, 7}}), IsEmpty());
}

// Two regions of 10 x 10 in an image of 20 x 40, and a class besides the background.
const std::vector<float> kRegions = {0, 0, 0, 9, 9, 0, 20, 10, 29, 19};
const std::vector<float> kScores = {0.1f, 0.9f, 0.3f, 0.7f};

TEST(DetectionsTest, RegionsAreMoved) {
  std::vector<float> moves(2 * 8, 0.0f);
  moves[4] = 0.5f;                // the first: 5 pixels to the right
  moves[8 + 6] = std::log(2.0f);  // the second: twice as wide
  const auto found =
      proposal_detections({kRegions, {2, 5}}, {kScores, {2, 2}}, {moves, {2, 8}}, {20, 40}, 0.3f);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].label, 1);
  EXPECT_FLOAT_EQ(found[0].score, 0.9f);
  EXPECT_FLOAT_EQ(found[0].xmin, 5.0f / 40);
  EXPECT_FLOAT_EQ(found[0].ymax, 10.0f / 20);
  EXPECT_FLOAT_EQ(found[1].xmin, 15.0f / 40);
  EXPECT_FLOAT_EQ(found[1].xmax, 35.0f / 40);
}

TEST(DetectionsTest, OverlapsOfAClassAreDropped) {
  const std::vector<float> regions = {0, 0, 0, 9, 9, 0, 1, 0, 10, 9};
  const std::vector<float> moves(2 * 8, 0.0f);
  const auto found = [&](float overlap) {
    return proposal_detections({regions, {2, 5}}, {kScores, {2, 2}}, {moves, {2, 8}}, {20, 40},
                               overlap);
  };
  EXPECT_THAT(found(0.3f), SizeIs(1));
  EXPECT_THAT(found(0.9f), SizeIs(2));
}

TEST(DetectionsTest, WhatDoesNotFitIsRefused) {
  const std::vector<float> moves(2 * 5, 0.0f);
  EXPECT_THROW(
      proposal_detections({kRegions, {2, 5}}, {kScores, {2, 2}}, {moves, {2, 5}}, {20, 40}, 0.3f),
      Error);
  EXPECT_THAT(proposal_detections({{}, {0, 5}}, {{}, {0, 2}}, {{}, {0, 8}}, {20, 40}, 0.3f),
              IsEmpty());
}

}  // namespace
}  // namespace kissa::tools
