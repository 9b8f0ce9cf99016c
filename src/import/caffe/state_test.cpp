#include "import/caffe/state.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace kissa::caffe {
namespace {

bool is_member(const std::string& rules, const std::string& state_text) {
  LayerParameter layer;
  NetState state;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(rules, &layer));
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(state_text, &state));
  return belongs(layer, state);
}

TEST(CaffeStateTest, MatchesPhase) {
  EXPECT_TRUE(is_member("", "phase: TEST"));
  EXPECT_TRUE(is_member("include { phase: TEST }", "phase: TEST"));
  EXPECT_FALSE(is_member("include { phase: TRAIN }", "phase: TEST"));
  EXPECT_FALSE(is_member("exclude { phase: TEST }", "phase: TEST"));
  EXPECT_TRUE(is_member("exclude { phase: TRAIN }", "phase: TEST"));
}

TEST(CaffeStateTest, MatchesLevels) {
  EXPECT_TRUE(is_member("include { min_level: 1 max_level: 2 }", "level: 1"));
  EXPECT_TRUE(is_member("include { min_level: 1 max_level: 2 }", "level: 2"));
  EXPECT_FALSE(is_member("include { min_level: 1 }", "level: 0"));
  EXPECT_FALSE(is_member("include { max_level: 2 }", "level: 3"));
  EXPECT_TRUE(is_member("include { max_level: 2 }", "level: -3"));
}

TEST(CaffeStateTest, MatchesAllStagesAndNoneOfNotStages) {
  EXPECT_TRUE(is_member("include { stage: 'a' stage: 'b' }", "stage: 'b' stage: 'a' stage: 'c'"));
  EXPECT_FALSE(is_member("include { stage: 'a' stage: 'b' }", "stage: 'a'"));
  EXPECT_TRUE(is_member("include { not_stage: 'a' not_stage: 'b' }", "stage: 'c'"));
  EXPECT_FALSE(is_member("include { not_stage: 'a' not_stage: 'b' }", "stage: 'b'"));
}

TEST(CaffeStateTest, TakesAnyRule) {
  const std::string rules = "include { stage: 'a' } include { min_level: 5 }";
  EXPECT_TRUE(is_member(rules, "level: 5"));
  EXPECT_TRUE(is_member(rules, "stage: 'a'"));
  EXPECT_FALSE(is_member(rules, "level: 4"));
  EXPECT_FALSE(is_member("exclude { stage: 'a' } exclude { min_level: 5 }", "level: 5"));
}

TEST(CaffeStateTest, RefusesBothKindsOfRules) {
  EXPECT_THROW(is_member("include { phase: TEST } exclude { phase: TRAIN }", ""), Error);
}

}  // namespace
}  // namespace kissa::caffe
