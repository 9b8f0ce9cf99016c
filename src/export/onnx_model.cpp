#include "export/onnx_model.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "base/file.h"

namespace kissa::onnx {
namespace {

// Field numbers of onnx.proto, by message.
namespace field {
enum Model { kIrVersion = 1, kProducer = 2, kProducerVersion = 3, kGraph = 7, kOpsetImport = 8 };
enum OperatorSet { kDomain = 1, kVersion = 2 };
enum Graph { kNode = 1, kGraphName = 2, kInitializer = 5, kInput = 11, kOutput = 12 };
enum Node { kNodeInput = 1, kNodeOutput = 2, kNodeName = 3, kOpType = 4, kAttribute = 5 };
enum Attribute {
  kAttributeName = 1,
  kFloatValue = 2,
  kInt = 3,
  kString = 4,
  kSubgraph = 6,
  kInts = 8,
  kAttributeType = 20
};
enum Tensor { kDims = 1, kDataType = 2, kTensorName = 8, kRawData = 9 };
enum ValueInfo { kValueName = 1, kValueType = 2 };
enum Type { kTensorType = 1, kElementType = 1, kTensorShape = 2, kDim = 1, kDimValue = 1 };
}  // namespace field

enum AttributeType { kTypeFloat = 1, kTypeInt = 2, kTypeString = 3, kTypeGraph = 5, kTypeInts = 7 };

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

// The format of the file that came with an opset.
std::int64_t ir_version(int opset) {
  return opset <= 14 ? 7 : opset <= 18 ? 8 : opset <= 20 ? 9 : 10;
}

// Protobuf's text is UTF-8; what a file calls a blob may be anything.
std::string to_text(std::string_view name) {
  std::string text(name);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '_');
  return text;
}

WireMessage value_info(const std::string& name, const Shape& shape) {
  WireMessage dims;
  for (const std::int64_t dim : shape.dims())
    dims.message(field::kDim, WireMessage().integer(field::kDimValue, dim));
  WireMessage tensor;
  tensor.integer(field::kElementType, kFloat).message(field::kTensorShape, dims);
  return WireMessage()
      .text(field::kValueName, name)
      .message(field::kValueType, WireMessage().message(field::kTensorType, tensor));
}

WireMessage attribute_message(const Body::Attribute& attribute) {
  WireMessage message;
  message.text(field::kAttributeName, attribute.name);
  if (const auto* number = std::get_if<float>(&attribute.value)) {
    message.number(field::kFloatValue, *number).integer(field::kAttributeType, kTypeFloat);
  } else if (const auto* integer = std::get_if<std::int64_t>(&attribute.value)) {
    message.integer(field::kInt, *integer).integer(field::kAttributeType, kTypeInt);
  } else if (const auto* text = std::get_if<std::string>(&attribute.value)) {
    message.text(field::kString, *text).integer(field::kAttributeType, kTypeString);
  } else if (const auto* integers = std::get_if<Integers>(&attribute.value)) {
    for (const std::int64_t one : *integers) message.integer(field::kInts, one);
    message.integer(field::kAttributeType, kTypeInts);
  } else {
    const auto& body = std::get<std::shared_ptr<const Body>>(attribute.value);
    message.message(field::kSubgraph, body->message("body"));
    message.integer(field::kAttributeType, kTypeGraph);
  }
  return message;
}

}  // namespace

void Body::add(std::string_view op, const std::string& name, const Names& inputs,
               const Names& outputs, const Attributes& attributes) {
  WireMessage node;
  for (const std::string& input : inputs) node.text(field::kNodeInput, input);
  for (const std::string& output : outputs) node.text(field::kNodeOutput, output);
  node.text(field::kNodeName, name).text(field::kOpType, op);
  for (const Attribute& attribute : attributes)
    node.message(field::kAttribute, attribute_message(attribute));
  nodes_.message(field::kNode, node);
}

void Body::add_input(const std::string& name, const Shape& shape) {
  ends_.message(field::kInput, value_info(name, shape));
}

void Body::add_output(const std::string& name, const Shape& shape) {
  ends_.message(field::kOutput, value_info(name, shape));
}

WireMessage Body::message(const std::string& name) const {
  return WireMessage(nodes_).text(field::kGraphName, to_text(name)).append(ends_);
}

std::string Model::unique(std::string_view wish, std::set<std::string>& names) {
  const std::string text = wish.empty() ? "value" : to_text(wish);
  std::string name = text;
  for (int i = 1; !names.insert(name).second; ++i) name = fmt::format("{}_{}", text, i);
  return name;
}

std::string Model::add(std::string_view wish, const std::vector<std::int64_t>& dims,
                       std::int64_t type, std::shared_ptr<const void> data, std::uint64_t bytes) {
  std::string name = unique_name(wish);
  WireMessage head;
  for (const std::int64_t dim : dims) head.integer(field::kDims, dim);
  head.integer(field::kDataType, type).text(field::kTensorName, name);
  head.begin_payload(field::kRawData, bytes);
  constants_.push_back({std::move(head), std::move(data), bytes});
  return name;
}

std::string Model::add_constant(std::string_view wish, const Shape& shape, ConstantData data) {
  const auto bytes = static_cast<std::uint64_t>(shape.elements()) * sizeof(float);
  return add(wish, shape.dims(), kFloat, std::move(data), bytes);
}

std::string Model::add_constant(std::string_view wish, const Shape& shape,
                                std::vector<float> data) {
  KISSA_CHECK(static_cast<std::int64_t>(data.size()) == shape.elements());
  const auto shared = std::make_shared<const std::vector<float>>(std::move(data));
  return add_constant(wish, shape, ConstantData(shared, shared->data()));
}

std::string Model::add_constant(std::string_view wish, const Integers& numbers) {
  const auto shared = std::make_shared<const Integers>(numbers);
  return add(wish, {static_cast<std::int64_t>(numbers.size())}, kInt64,
             std::shared_ptr<const void>(shared, shared->data()),
             numbers.size() * sizeof(std::int64_t));
}

void Model::write(const std::string& path, const std::string& graph_name,
                  const std::string& version) const {
  WireMessage head;
  head.integer(field::kIrVersion, ir_version(opset_))
      .text(field::kProducer, "kissa")
      .text(field::kProducerVersion, version)
      .message(field::kOpsetImport,
               WireMessage().text(field::kDomain, "").integer(field::kVersion, opset_));
  // The constants' numbers follow their heads in the file, without a copy in memory.
  const WireMessage graph = body_.message(graph_name);
  std::uint64_t graph_bytes = graph.bytes().size();
  std::vector<WireMessage> heads;
  for (const Constant& constant : constants_) {
    const std::uint64_t bytes = constant.head.bytes().size() + constant.bytes;
    WireMessage& start = heads.emplace_back();
    start.begin_payload(field::kInitializer, bytes).append(constant.head);
    graph_bytes += start.bytes().size() + constant.bytes;
  }
  head.begin_payload(field::kGraph, graph_bytes);
  if (head.bytes().size() + graph_bytes > INT32_MAX)
    fail(ErrorCode::kUnsupported, "{}: would take {} bytes; an ONNX file ends at 2 GiB", path,
         head.bytes().size() + graph_bytes);

  PendingFile file(path);
  file.write(head.bytes().data(), head.bytes().size());
  file.write(graph.bytes().data(), graph.bytes().size());
  for (std::size_t i = 0; i < constants_.size(); ++i) {
    file.write(heads[i].bytes().data(), heads[i].bytes().size());
    file.write(constants_[i].data.get(), constants_[i].bytes);
  }
  file.keep();
}

}  // namespace kissa::onnx
