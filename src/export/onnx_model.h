// An ONNX model under construction: operators, constants, and the file that holds them.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "export/wire_message.h"
#include "ir/graph.h"

namespace kissa::onnx {

using Names = std::vector<std::string>;
using Integers = std::vector<std::int64_t>;

// Numbers of the element types that operators name.
inline constexpr std::int64_t kFloat = 1;
inline constexpr std::int64_t kInt64 = 7;

// The operators of a model's main graph, or of the body of one that repeats.
class Body {
 public:
  struct Attribute {
    std::string_view name;
    std::variant<std::int64_t, float, std::string, Integers, std::shared_ptr<const Body>> value;
  };
  using Attributes = std::vector<Attribute>;

  void add(std::string_view op, const std::string& name, const Names& inputs, const Names& outputs,
           const Attributes& attributes);
  void add_input(const std::string& name, const Shape& shape);
  void add_output(const std::string& name, const Shape& shape);
  // A GraphProto, but for its constants.
  WireMessage message(const std::string& name) const;

 private:
  WireMessage nodes_;
  WireMessage ends_;
};
using Attributes = Body::Attributes;

class Model {
 public:
  explicit Model(int opset) : opset_(opset) {}

  int opset() const { return opset_; }
  Body& body() { return body_; }

  // A name that no other value, or operator, has: `wish`, or `wish` with a number.
  std::string unique_name(std::string_view wish) { return unique(wish, names_); }
  std::string unique_operator_name(std::string_view wish) { return unique(wish, operators_); }

  // Constants. Learned ones are not copied.
  std::string add_constant(std::string_view wish, const Shape& shape, ConstantData data);
  std::string add_constant(std::string_view wish, const Shape& shape, std::vector<float> data);
  std::string add_constant(std::string_view wish, const Integers& numbers);

  // Writes the file, or nothing. Throws kUnsupported where it would pass the 2 GiB of protobuf.
  void write(const std::string& path, const std::string& graph_name,
             const std::string& version) const;

 private:
  struct Constant {
    WireMessage head;  // of the TensorProto, up to its numbers
    std::shared_ptr<const void> data;
    std::uint64_t bytes;
  };
  static std::string unique(std::string_view wish, std::set<std::string>& names);
  std::string add(std::string_view wish, const std::vector<std::int64_t>& dims, std::int64_t type,
                  std::shared_ptr<const void> data, std::uint64_t bytes);

  int opset_;
  Body body_;
  std::set<std::string> names_;
  std::set<std::string> operators_;
  std::vector<Constant> constants_;
};

}  // namespace kissa::onnx
