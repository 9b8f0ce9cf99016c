#include <algorithm>

#include "backends/cpu/tactics.h"
#include "backends/reference.h"

namespace kissa::cpu {
namespace {

// The one step that allocates while it runs: it exists to be right, not fast.
class ReferenceStep final : public Step {
 public:
  explicit ReferenceStep(Region region) : region_(std::move(region)) {}

  void run(const Bindings& bindings, Stream&) const noexcept override {
    run_by_reference(region_, [&](int value) {
      if (float* data = find(region_.inputs, bindings.inputs, value)) return data;
      return find(region_.outputs, bindings.outputs, value);
    });
  }

 private:
  static float* find(const std::vector<int>& values, std::span<void* const> bound, int value) {
    const auto it = std::find(values.begin(), values.end(), value);
    if (it == values.end()) return nullptr;
    return static_cast<float*>(bound[static_cast<std::size_t>(it - values.begin())]);
  }

  Region region_;
};

class Reference final : public Tactic {
 public:
  std::string_view name() const override { return "cpu.reference"; }
  std::optional<std::string> refuse(const Region& region) const override {
    if (region.nodes.size() != 1) return "runs one op at a time";
    for (const Region::Value& value : region.values)
      if (value.desc.format != Format{}) return "reads and writes row-major FP32 only";
    return std::nullopt;
  }
  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    return std::make_unique<ReferenceStep>(region);
  }
};

}  // namespace

const Tactic& reference() {
  static const Reference kTactic;
  return kTactic;
}

}  // namespace kissa::cpu
