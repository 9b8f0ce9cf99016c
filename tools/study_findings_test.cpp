#include "study_findings.h"

#include <gtest/gtest.h>

namespace kissa::tools {
namespace {

Json row(const char* mode, const char* precision, double us) {
  return {{"mode", mode}, {"precision", precision}, {"batch", 1}, {"median_us", us}};
}

Json profile(const char* mode, const char* device, double conv, double launch) {
  return {{"setting", {{"mode", mode}, {"precision", "fp32"}, {"device", device}}},
          {"kinds",
           {{{"kind", "convolution+activation"}, {"us", conv}},
            {{"kind", "kernel launch"}, {"us", launch}}}}};
}

Json study(const char* device) {
  Json study = {
      {"rows", {row("caffe", "fp32", 1000), row("fused", "fp32", 250), row("fused", "fp16", 125)}},
      {"reduced", "fp16"},
      {"work", {{"flops", 3.0e9}}},
      {"profiles", {profile("caffe", device, 30, 70), profile("fused", device, 15, 0)}},
      {"heaviest", nullptr},
      {"predictions", {{"inputs", 51}, {"top1", 50}, {"max_abs", 0.01}}}};
  study["peaks"] = {{"rates", {{{"precision", "fp32"}, {"gflops", 30000}, {"nominal_gflops", 0}}}},
                    {"bandwidth", 100},
                    {"nominal_bandwidth", 0}};
  study["theory"] = theory_of(study);
  return study;
}

std::string here(const Json& findings, const std::string& about) {
  for (const Json& finding : findings)
    if (finding["finding"].get<std::string>().starts_with(about))
      return finding["here"].get<std::string>();
  return {};
}

TEST(StudyFindings, TheArticlesMachinesAreClockTimesCoresTimesTwo) {
  EXPECT_DOUBLE_EQ(kPaperMachines[0].gflops(), 512);
  EXPECT_DOUBLE_EQ(kPaperMachines[1].gflops(), 665.6);
  const Json theory = theory_of(study("cuda:0"));
  EXPECT_DOUBLE_EQ(theory[0]["us"].get<double>(), 100);
  EXPECT_NEAR(theory[1]["us"].get<double>(), 3.0e9 / 512e3, 1e-6);
}

TEST(StudyFindings, RestateTheArticleWithThisMachinesFigures) {
  const Json findings = findings_of(study("cuda:0"), nullptr);
  EXPECT_EQ(here(findings, "fused FP32 against caffe"), "4.00x");
  EXPECT_EQ(here(findings, "measured against"), "2.50x");
  EXPECT_EQ(here(findings, "fp16 against FP32"),
            "2.00x; 50 of 51 first choices the same, largest difference 0.01");
  EXPECT_TRUE(here(findings, "launching and waiting, caffe").starts_with("70.0 % (launch "));
  EXPECT_TRUE(here(findings, "launching and waiting, fused").starts_with("0.0 % (launch 0.0 us"));
  EXPECT_EQ(here(findings, "convolution"), "2.00x");
  EXPECT_EQ(here(findings, "pooling"), "not measured");
}

TEST(StudyFindings, OnACpuNothingIsLaunched) {
  EXPECT_TRUE(
      here(findings_of(study("cpu"), nullptr), "launching and waiting, caffe").starts_with("none"));
}

TEST(StudyFindings, TwoStudiesAreComparedRowByRow) {
  Json old = study("cuda:0");
  old["rows"] = {row("caffe", "fp32", 1300), row("fused", "fp32", 250)};
  const Json now = study("cuda:0");
  const Json rows = rows_against(now, old);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_DOUBLE_EQ(rows[0]["speed_up"].get<double>(), 1.3);
  EXPECT_EQ(here(findings_of(now, old), "this version"), "1.30x");
}

}  // namespace
}  // namespace kissa::tools
