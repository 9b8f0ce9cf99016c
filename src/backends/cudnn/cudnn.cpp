#include "backends/cudnn/cudnn.h"

#include <algorithm>

#include "backends/cuda/tactics.h"
#include "backends/cudnn/tactics.h"
#include "base/error.h"

namespace kissa::cudnn {
namespace {

using cuda::Number;

struct List {
  // Caffe mode's, before all others.
  explicit List(TacticList behind) : all(behind.begin(), behind.end()) {
    for (const auto make : {make_conv, make_pool, make_lrn, make_softmax, make_activation})
      own.push_back(make());
    insert(all.begin());
  }
  // Fused mode's, behind the tactics that know tensor cores.
  List(TacticList around, Number number) : all(around.begin(), around.end()) {
    own.push_back(make_fused_conv(number));
    insert(std::find_if(all.begin(), all.end(), [](const Tactic* tactic) {
      return tactic->name() == cuda::plain_tactic().name();
    }));
  }
  void insert(std::vector<const Tactic*>::iterator at) {
    for (const auto& tactic : own) at = all.insert(at, tactic.get()) + 1;
  }
  std::vector<std::unique_ptr<const Tactic>> own;
  std::vector<const Tactic*> all;
};

}  // namespace

TacticList with_cudnn(TacticList own, Mode mode, Precision precision) {
  if (own.empty()) return own;
  if (!library().is_loaded && library().is_named)
    fail(ErrorCode::kDevice,
         "KISSA_CUDNN: {}; name cuDNN 9's library, libcudnn.so.9, or say KISSA_CUDNN=off",
         library().text);
  if (!library().is_loaded) return own;
  // Each made once, when it is first asked for.
  if (mode == Mode::kCaffe) {
    static const List kCaffe(own);
    return kCaffe.all;
  }
  switch (precision) {
    case Precision::kFp32: {
      static const List kF32(own, Number::kF32);
      return kF32.all;
    }
    case Precision::kTf32: {
      static const List kTf32(own, Number::kTf32);
      return kTf32.all;
    }
    case Precision::kFp16: {
      static const List kF16(own, Number::kF16);
      return kF16.all;
    }
    case Precision::kBf16:
    case Precision::kInt8: break;
  }
  return own;
}

std::vector<std::pair<std::string, std::string>> facts() { return {{"cuDNN", library().text}}; }

}  // namespace kissa::cudnn
