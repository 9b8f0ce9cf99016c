#include "ops/op.h"

#include <utility>

namespace kissa {

std::string_view name_of(const Op& op) {
  return std::visit([]<class T>(const T&) { return T::kName; }, op);
}

std::optional<Op> op_named(std::string_view name) {
  std::optional<Op> op;
  const auto try_kind = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    if (std::variant_alternative_t<I, Op>::kName == name) op.emplace(std::in_place_index<I>);
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (try_kind(std::integral_constant<std::size_t, I>()), ...);
  }
  (std::make_index_sequence<std::variant_size_v<Op>>());
  return op;
}

std::string describe(const Op& op) {
  return std::visit([](const auto& kind) { return kind.describe(); }, op);
}

bool is_view(const Op& op) {
  return std::visit(
      []<class T>(const T&) {
        if constexpr (requires { T::kIsView; })
          return T::kIsView;
        else
          return false;
      },
      op);
}

bool is_elementwise(const Op& op) {
  return std::visit(
      [](const auto& kind) {
        if constexpr (requires { kind.is_elementwise(); })
          return kind.is_elementwise();
        else
          return false;
      },
      op);
}

std::optional<int> counted_axis(const Op& op) {
  return std::visit(
      []<class T>(const T&) -> std::optional<int> {
        if constexpr (requires { T::kCountedAxis; })
          return T::kCountedAxis;
        else
          return std::nullopt;
      },
      op);
}

bool reads_shapes_only(const Op& op) {
  return std::visit(
      []<class T>(const T&) {
        if constexpr (requires { T::kReadsShapesOnly; })
          return T::kReadsShapesOnly;
        else
          return false;
      },
      op);
}

std::vector<ParamSpec> params_of(const Op& op, const Shapes& in) {
  return std::visit(
      [&]<class T>(const T& kind) -> std::vector<ParamSpec> {
        if constexpr (HasParams<T>) {
          kind.infer(in);
          return kind.params(in);
        } else {
          return {};
        }
      },
      op);
}

Shapes infer(const Op& op, const Shapes& in) {
  return std::visit([&](const auto& kind) { return kind.infer(in); }, op);
}

Work work_of(const Op& op, const Shapes& in, const Shapes& out) {
  Work work;
  work.arithmetic = std::visit([&](const auto& kind) { return kind.arithmetic(in, out); }, op);
  if (is_view(op)) return work;
  std::int64_t elements = 0;
  for (const Shape& shape : in) elements += shape.elements();
  for (const ParamSpec& param : params_of(op, in)) elements += param.shape.elements();
  for (const Shape& shape : out) elements += shape.elements();
  work.bytes = elements * size_of(DataType::kF32);
  return work;
}

void run_reference(const Op& op, ConstTensors x, Tensors y) {
  std::visit([&](const auto& kind) { kind.reference(x, y); }, op);
}

}  // namespace kissa
