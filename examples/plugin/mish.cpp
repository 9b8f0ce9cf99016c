// Two layer types as a plugin: Mish, an activation, and ChannelGain, which has learned weights.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "kissa/plugin.h"

namespace {

namespace plugin = kissa::plugin;
using plugin::Dims;

std::int64_t product(const Dims& dims, std::size_t begin) {
  std::int64_t result = 1;
  for (std::size_t i = begin; i < dims.size(); ++i) result *= dims[i];
  return result;
}

// y = x tanh(log(1 + exp(beta x)) / beta)
class Mish final : public plugin::Layer {
 public:
  explicit Mish(const plugin::Parameters& parameters)
      : beta_(static_cast<float>(parameters.number("beta", 1.0))) {
    if (!(beta_ > 0.0f)) throw std::invalid_argument("beta must be positive");
  }

  std::vector<Dims> outputs(const std::vector<Dims>& inputs) const override {
    if (inputs.size() != 1) throw std::invalid_argument("takes one bottom");
    return inputs;
  }

  plugin::Work work(const std::vector<Dims>& inputs, const std::vector<Dims>&) const override {
    return {.multiply_adds = 0, .other = 7 * product(inputs[0], 0)};
  }

  void run(std::span<const plugin::Input> inputs, std::span<const plugin::Input>,
           std::span<const plugin::Output> outputs) const override {
    const std::int64_t count = product(inputs[0].dims, 0);
    for (std::int64_t i = 0; i < count; ++i) {
      const float x = inputs[0].data[i];
      // log(1 + exp(z)), which is z where exp(z) would be too large
      const float z = beta_ * x;
      const float soft = std::max(z, 0.0f) + std::log1p(std::exp(-std::abs(z)));
      outputs[0].data[i] = x * std::tanh(soft / beta_);
    }
  }

  std::string describe() const override { return "beta " + std::to_string(beta_); }

 private:
  float beta_;
};

// y = x gain, one learned gain a channel (axis 1)
class ChannelGain final : public plugin::Layer {
 public:
  std::vector<Dims> outputs(const std::vector<Dims>& inputs) const override {
    if (inputs.size() != 1 || inputs[0].size() < 2)
      throw std::invalid_argument("takes one bottom of 2 axes or more");
    return inputs;
  }

  std::vector<plugin::Param> params(const std::vector<Dims>& inputs) const override {
    return {{"scale", {inputs[0][1]}}};
  }

  plugin::Work work(const std::vector<Dims>& inputs, const std::vector<Dims>&) const override {
    return {.multiply_adds = 0, .other = product(inputs[0], 0)};
  }

  void run(std::span<const plugin::Input> inputs, std::span<const plugin::Input> params,
           std::span<const plugin::Output> outputs) const override {
    const Dims& dims = inputs[0].dims;
    const std::int64_t plane = product(dims, 2);
    for (std::int64_t row = 0; row < dims[0] * dims[1]; ++row)
      for (std::int64_t i = row * plane; i < (row + 1) * plane; ++i)
        outputs[0].data[i] = inputs[0].data[i] * params[0].data[row % dims[1]];
  }
};

const plugin::LayerType kTypes[] = {
    {"Mish", "mish_param",
     [](const plugin::Parameters& parameters) -> std::unique_ptr<plugin::Layer> {
       return std::make_unique<Mish>(parameters);
     }},
    {"ChannelGain", nullptr,
     [](const plugin::Parameters&) -> std::unique_ptr<plugin::Layer> {
       return std::make_unique<ChannelGain>();
     }},
};

}  // namespace

KISSA_PLUGIN(kTypes)
