#include "configuration.h"

#include <gtest/gtest.h>

namespace kissa::tools {
namespace {

TEST(Configuration, ReadsWordsAndKeys) {
  const EngineOptions words = parse_configuration("cuda:1,fp16,caffe", {});
  EXPECT_EQ(words.device, "cuda:1");
  EXPECT_EQ(words.precision, Precision::kFp16);
  EXPECT_EQ(words.mode, Mode::kCaffe);
  const EngineOptions keys = parse_configuration("mode=fused,threads=3,precision=bf16", {});
  EXPECT_EQ(keys.threads, 3);
  EXPECT_EQ(keys.mode, Mode::kFused);
  EXPECT_EQ(keys.precision, Precision::kBf16);
}

TEST(Configuration, KeepsWhatTheTextDoesNotSay) {
  EngineOptions base;
  base.threads = 2;
  base.precision = Precision::kBf16;
  const EngineOptions options = parse_configuration("caffe", base);
  EXPECT_EQ(options.threads, 2);
  EXPECT_EQ(options.precision, Precision::kBf16);
}

TEST(Configuration, RefusesWhatItDoesNotKnow) {
  for (const char* text : {"fp17", "mode=quick", "speed=1", "threads=x", "threads=-1", "caffe,,"})
    EXPECT_THROW(parse_configuration(text, {}), Error) << text;
}

}  // namespace
}  // namespace kissa::tools
