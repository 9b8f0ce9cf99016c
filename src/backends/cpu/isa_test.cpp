#include "backends/cpu/isa.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "base/error.h"

namespace kissa::cpu {
namespace {

// Sets KISSA_MAX_ISA and puts back what was there.
class MaxIsa {
 public:
  explicit MaxIsa(const char* value) {
    if (const char* old = std::getenv(kName)) old_ = old;
    setenv(kName, value, 1);
  }
  ~MaxIsa() {
    if (old_)
      setenv(kName, old_->c_str(), 1);
    else
      unsetenv(kName);
  }
  MaxIsa(const MaxIsa&) = delete;
  MaxIsa& operator=(const MaxIsa&) = delete;

 private:
  static constexpr const char* kName = "KISSA_MAX_ISA";
  std::optional<std::string> old_;
};

TEST(Isa, NamesAreReadBack) {
  for (int i = 0; i <= static_cast<int>(Isa::kAmx); ++i) {
    const Isa isa = static_cast<Isa>(i);
    EXPECT_EQ(parse_isa(to_string(isa)), isa);
  }
}

TEST(Isa, EnvironmentLowersTheLevel) {
  const std::string lowest(to_string(Isa::kBaseline));
  const MaxIsa low(lowest.c_str());
  EXPECT_EQ(usable_isa(), Isa::kBaseline);
}

TEST(Isa, EnvironmentCannotRaiseTheLevel) {
  const MaxIsa high("amx");
  EXPECT_EQ(usable_isa(), host_isa());
}

TEST(Isa, UnknownNameIsRefused) {
  const MaxIsa bad("avx3");
  try {
    usable_isa();
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("'avx3'"), std::string::npos) << error.what();
  }
}

TEST(Isa, TablesGoUpToTheLevel) {
  const auto lowest = kernels_up_to(Isa::kBaseline);
  ASSERT_EQ(lowest.size(), 1u);
  EXPECT_EQ(lowest[0]->lanes, 4);
  const auto all = kernels_up_to(Isa::kAmx);
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_GT(all[i - 1]->lanes, all[i]->lanes);
  EXPECT_EQ(all.back(), lowest[0]);
}

}  // namespace
}  // namespace kissa::cpu
