#include "ir/evaluate.h"

#include "base/error.h"

namespace kissa {
namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

// The data of every value that was made and is still to be read.
class Values {
 public:
  explicit Values(const Graph& graph) : graph_(graph), data_(graph.values().size()) {
    reads_.assign(graph.values().size(), 0);
    for (const Node& node : graph.nodes())
      for (const ValueId id : node.inputs) ++reads_[index(id)];
    for (const ValueId id : graph.outputs()) ++reads_[index(id)];
  }

  void set(ValueId id, std::vector<float> data) { data_[index(id)] = std::move(data); }
  void count_read(ValueId id) {
    if (--reads_[index(id)] == 0) data_[index(id)] = {};
  }
  ConstTensor tensor(ValueId id) const {
    const Value& value = graph_.value(id);
    if (!value.is_constant) return {data_[index(id)].data(), value.shape};
    if (value.data == nullptr && value.shape.elements() > 0)
      fail(ErrorCode::kInvalidModel, "{} ({}) has no values", value.name, value.shape.to_string());
    return {value.data.get(), value.shape};
  }

 private:
  const Graph& graph_;
  std::vector<std::vector<float>> data_;
  std::vector<int> reads_;
};

void set_inputs(const Graph& graph, const std::vector<std::vector<float>>& inputs, Values& values) {
  if (inputs.size() != graph.inputs().size())
    fail(ErrorCode::kInvalidArgument, "the graph has {} inputs, but {} were given",
         graph.inputs().size(), inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = graph.value(graph.inputs()[i]);
    if (static_cast<std::int64_t>(inputs[i].size()) != value.shape.elements())
      fail(ErrorCode::kInvalidArgument, "input {} is {}, but {} numbers were given", value.name,
           value.shape.to_string(), inputs[i].size());
    values.set(graph.inputs()[i], inputs[i]);
  }
}

}  // namespace

std::vector<std::vector<float>> evaluate(const Node& node, std::span<const ConstTensor> x,
                                         const Shapes& outputs) {
  const std::size_t residual = node.epilogue.has_residual ? 1 : 0;
  const std::size_t op_inputs = node.inputs.size() - residual;
  std::vector<ConstTensor> read(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(op_inputs));
  for (const ConstTensor& param : x.subspan(node.inputs.size())) read.push_back(param);
  std::vector<std::vector<float>> data;
  for (const Shape& shape : outputs) data.emplace_back(static_cast<std::size_t>(shape.elements()));
  std::vector<Tensor> y;
  for (std::size_t i = 0; i < outputs.size(); ++i) y.push_back({data[i].data(), outputs[i]});
  run_reference(node.op, read, y);
  apply(node.epilogue, residual == 1 ? x[op_inputs].data : nullptr, y[0].data,
        y[0].shape.elements());
  return data;
}

std::vector<std::vector<float>> evaluate(const Graph& graph,
                                         const std::vector<std::vector<float>>& inputs) {
  Values values(graph);
  set_inputs(graph, inputs, values);
  for (const Node& node : graph.nodes()) {
    std::vector<ConstTensor> x;
    for (const ValueId id : node.inputs) x.push_back(values.tensor(id));
    for (const ValueId id : node.params) x.push_back(values.tensor(id));
    auto outputs = evaluate(node, x, graph.shapes_of(node.outputs));
    for (std::size_t i = 0; i < outputs.size(); ++i)
      values.set(node.outputs[i], std::move(outputs[i]));
    for (const ValueId id : node.inputs) values.count_read(id);
  }
  std::vector<std::vector<float>> results;
  for (const ValueId id : graph.outputs()) {
    const ConstTensor tensor = values.tensor(id);
    results.emplace_back(tensor.data, tensor.data + tensor.shape.elements());
  }
  return results;
}

}  // namespace kissa
