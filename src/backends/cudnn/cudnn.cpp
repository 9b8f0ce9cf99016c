#include "backends/cudnn/cudnn.h"

#include "backends/cudnn/tactics.h"
#include "base/error.h"

namespace kissa::cudnn {
namespace {

struct List {
  explicit List(TacticList behind) {
    for (const auto make : {make_conv, make_pool, make_lrn, make_softmax, make_activation}) {
      own.push_back(make());
      all.push_back(own.back().get());
    }
    all.insert(all.end(), behind.begin(), behind.end());
  }
  std::vector<std::unique_ptr<const Tactic>> own;
  std::vector<const Tactic*> all;
};

}  // namespace

std::optional<std::string> NodeTactic::refuse(const Region& region) const {
  if (auto reason = cuda::refuse_node(region)) return reason;
  if (auto reason = refuse_op(region)) return reason;
  return refuse_sizes(region);
}

std::unique_ptr<Step> NodeTactic::prepare(const Region& region,
                                          const PrepareContext& context) const {
  const cuda::NodeView node(region, context.weights);
  return cuda::make_node_step(region, context.weights, program(region, node));
}

TacticList with_cudnn(TacticList own, Mode mode, Precision precision) {
  if (mode != Mode::kCaffe || precision != Precision::kFp32) return own;
  if (!library().is_loaded && library().is_named)
    fail(ErrorCode::kDevice,
         "KISSA_CUDNN: {}; name cuDNN 9's library, libcudnn.so.9, or say KISSA_CUDNN=off",
         library().text);
  if (!library().is_loaded) return own;
  static const List kList(own);
  return kList.all;
}

std::vector<std::pair<std::string, std::string>> facts() { return {{"cuDNN", library().text}}; }

}  // namespace kissa::cudnn
