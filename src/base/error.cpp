#include "base/error.h"

namespace kissa {

void fail_check(const char* condition, const char* file, int line) {
  fail(ErrorCode::kInternal, "internal error: {}:{}: {} does not hold; please report it", file,
       line, condition);
}

}  // namespace kissa
