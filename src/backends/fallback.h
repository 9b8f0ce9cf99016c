// Fallback: a tactic for what no other of a list takes, so that it is not measured beside them.
#pragma once

#include <fmt/core.h>

#include <utility>

#include "backends/tactic.h"

namespace kissa {

// A tactic that steps back where one of a preferred list takes a region.
class Fallback final : public Tactic {
 public:
  Fallback(const Tactic& tactic, std::vector<const Tactic*> preferred)
      : tactic_(tactic), preferred_(std::move(preferred)) {}

  std::string_view name() const override { return tactic_.name(); }
  std::optional<std::string> refuse(const Region& region) const override {
    for (const Tactic* preferred : preferred_)
      if (!preferred->refuse(region)) return fmt::format("{} takes it", preferred->name());
    return tactic_.refuse(region);
  }
  Requirements requirements(const Region& region) const override {
    return tactic_.requirements(region);
  }
  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return tactic_.prepare(region, context);
  }

 private:
  const Tactic& tactic_;
  std::vector<const Tactic*> preferred_;
};

}  // namespace kissa
