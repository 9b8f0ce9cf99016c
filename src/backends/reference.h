// Reference: the one node of a region by the definition of its op, on the host.
#pragma once

#include <vector>

#include "backends/tactic.h"

namespace kissa {

// `data_of(value)`: where a value lies that is no constant. All row-major FP32.
template <class DataOf>
void run_by_reference(const Region& region, const DataOf& data_of) {
  const Region::Node& node = region.nodes.front();
  std::vector<ConstTensor> x;
  std::vector<Tensor> y;
  const auto add_x = [&](int value) {
    const Region::Value& of = region.value(value);
    x.push_back({of.constant != nullptr ? of.constant : data_of(value), of.desc.shape});
  };
  for (const int value : node.inputs) add_x(value);
  const float* residual = nullptr;
  if (node.epilogue.has_residual) {
    residual = x.back().data;
    x.pop_back();
  }
  for (const int value : node.params) add_x(value);
  for (const int value : node.outputs)
    y.push_back({data_of(value), region.value(value).desc.shape});
  run_reference(node.op, x, y);
  if (!node.epilogue.empty()) apply(node.epilogue, residual, y[0].data, y[0].shape.elements());
}

}  // namespace kissa
