#include "cases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "base/error.h"

namespace kissa {
namespace {

const std::vector<OpCase>& all_cases() {
  static const std::vector<OpCase> cases = read_all_cases(KISSA_CASES_DIR);
  return cases;
}

std::vector<std::vector<float>> run(const OpCase& op_case, const std::vector<ConstTensor>& x,
                                    float poison) {
  const Shapes out = infer(op_case.op, op_case.in);
  std::vector<std::vector<float>> results;
  for (const Shape& shape : out)
    results.emplace_back(static_cast<std::size_t>(shape.elements()), poison);
  std::vector<Tensor> y;
  for (std::size_t i = 0; i < out.size(); ++i) y.push_back({results[i].data(), out[i]});
  run_reference(op_case.op, x, y);
  return results;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(CasesTest, EveryOpHasACase) {
  std::set<std::string_view> names;
  for (const OpCase& op_case : all_cases()) names.insert(name_of(op_case.op));
  EXPECT_EQ(names.size(), std::variant_size_v<Op>);
}

TEST(CasesTest, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const OpCase& op_case : all_cases())
    EXPECT_TRUE(names.insert(op_case.name).second) << op_case.name;
}

TEST(CasesTest, ReferencesWriteEveryElementAndNothingElseDecidesIt) {
  for (const OpCase& op_case : all_cases()) {
    if (op_case.large) continue;
    SCOPED_TRACE(op_case.name);
    const CaseData data(op_case, 1);
    const auto results = run(op_case, data.views(), std::numeric_limits<float>::quiet_NaN());
    const auto again = run(op_case, data.views(), -12345.0f);
    for (std::size_t i = 0; i < results.size(); ++i) {
      EXPECT_TRUE(same_bits(results[i], again[i]));
      const bool finite = std::all_of(results[i].begin(), results[i].end(),
                                      [](float value) { return std::isfinite(value); });
      EXPECT_EQ(finite, op_case.finite);
    }
  }
}

TEST(CasesTest, WorkIsCounted) {
  for (const OpCase& op_case : all_cases()) {
    SCOPED_TRACE(op_case.name);
    const Shapes out = infer(op_case.op, op_case.in);
    const Work work = work_of(op_case.op, op_case.in, out);
    EXPECT_GE(work.arithmetic.multiply_adds, 0);
    EXPECT_GE(work.arithmetic.other, 0);
    std::int64_t elements = 0;
    const CaseData data(op_case, 1);
    for (const Shape& shape : data.shapes()) elements += shape.elements();
    for (const Shape& shape : out) elements += shape.elements();
    EXPECT_EQ(work.bytes, is_view(op_case.op) ? 0 : 4 * elements);
  }
}

TEST(CasesTest, ViewsKeepTheirInputsElements) {
  for (const OpCase& op_case : all_cases()) {
    if (!is_view(op_case.op)) continue;
    SCOPED_TRACE(op_case.name);
    CaseData data(op_case, 2);
    EXPECT_TRUE(same_bits(run(op_case, data.views(), 0.0f)[0], data.tensors()[0]));
  }
}

TEST(CasesTest, ElementwiseOpsLookAtOneElementOfTheirFirstInput) {
  for (const OpCase& op_case : all_cases()) {
    if (op_case.large || !is_elementwise(op_case.op)) continue;
    SCOPED_TRACE(op_case.name);
    EXPECT_EQ(infer(op_case.op, op_case.in), Shapes{op_case.in[0]});
    CaseData data(op_case, 3);
    const auto before = run(op_case, data.views(), 0.0f)[0];
    std::vector<float>& x = data.tensors()[0];
    const std::size_t changed = x.size() / 2;
    x[changed] += 0.5f;
    auto after = run(op_case, data.views(), 0.0f)[0];
    after[changed] = before[changed];
    EXPECT_TRUE(same_bits(before, after));
  }
}

TEST(CasesTest, DataIsInItsRangeAndFollowsTheSeed) {
  const OpCase op_case = parse_case("a eltwise in=40x25,40x25,40x25 fill=0.5:0.75,integers:-1:2");
  CaseData data(op_case, 7);
  EXPECT_EQ(data.tensors(), CaseData(op_case, 7).tensors());
  EXPECT_NE(data.tensors(), CaseData(op_case, 8).tensors());
  for (const float value : data.tensors()[0]) EXPECT_TRUE(value >= 0.5f && value < 0.75f) << value;
  const std::set<float> integers(data.tensors()[1].begin(), data.tensors()[1].end());
  EXPECT_EQ(integers, (std::set<float>{-1.0f, 0.0f, 1.0f, 2.0f}));
  const auto [low, high] = std::minmax_element(data.tensors()[2].begin(), data.tensors()[2].end());
  EXPECT_TRUE(*low >= -1.0f && *low < -0.9f && *high < 1.0f && *high > 0.9f);
}

TEST(CasesTest, LinesAreRead) {
  const OpCase op_case = parse_case(
      "c convolution num_output=4 kernel=3 stride=2,1 pad=1 has_bias=0 in=2x3x7x9 finite=0  # x");
  EXPECT_EQ(op_case.name, "c");
  EXPECT_EQ(op_case.in, Shapes{Shape({2, 3, 7, 9})});
  EXPECT_FALSE(op_case.finite);
  EXPECT_FALSE(op_case.large);
  Convolution expected;
  expected.num_output = 4;
  expected.kernel = {3, 3};
  expected.stride = {2, 1};
  expected.pad = {1, 1};
  expected.dilation = {1, 1};
  expected.has_bias = false;
  EXPECT_EQ(op_case.op, Op(expected));
  EXPECT_EQ(parse_case("r relu in=scalar").in, Shapes{Shape()});
}

TEST(CasesTest, BrokenLinesAreRefused) {
  for (const char* line : {
           "a",                                // no op
           "a relu",                           // no input
           "a nothing in=1x2",                 // no such op
           "a relu in=1x2 slope=3",            // no such field
           "a relu in=1x2 negative_slope=a",   // no number
           "a relu in=1x2 negative_slope",     // no value
           "a relu in=1x2 in=1x2",             // twice
           "a relu in=1x2y",                   // no shape
           "a pooling method=median in=1x2",   // no such choice
           "a pooling kernel=1,2,3 in=1x2",    // too many
           "a relu in=1x2 fill=2:1",           // an empty range
           "a relu in=1x2 finite=2",           // no bool
           "a clip min=99999999999e99 in=1x2"  // too large
       })
    EXPECT_THROW(parse_case(line), Error) << line;
}

}  // namespace
}  // namespace kissa
