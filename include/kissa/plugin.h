// A layer of your own, in a shared object:
//
//   struct Mish : kissa::plugin::Layer { outputs, run, ... };
//   const kissa::plugin::LayerType kTypes[] = {
//       {"Mish", "mish_param", [](const kissa::plugin::Parameters& parameters)
//            -> std::unique_ptr<kissa::plugin::Layer> { return std::make_unique<Mish>(); }}};
//   KISSA_PLUGIN(kTypes)
//
//   c++ -std=c++20 -shared -fPIC -I include mish.cpp -o mish.so
//   kissa run net.prototxt net.caffemodel --plugin ./mish.so ...
//
// This header is all that it needs; it links nothing of Kissa. It must be built with the same
// standard library. What is wrong with a network it says by throwing a std::exception, with one
// line that says what; Kissa adds file, line and layer. examples/plugin is a whole example.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace kissa::plugin {

inline constexpr int kVersion = 1;

using Dims = std::vector<std::int64_t>;  // extents, outermost first: {1, 3, 224, 224}

// FP32 in Caffe's order.
struct Input {
  const float* data;
  const Dims& dims;
};
struct Output {
  float* data;
  const Dims& dims;
};

// A learned blob, as the layer's `blobs` in the .caffemodel have it, in their order.
struct Param {
  const char* name;  // "weight", "bias", ... (a literal): random weights depend on it
  Dims dims;
};

// What the prototxt says between the braces of the type's field. Fields of inner messages are
// called "message.field".
class Parameters {
 public:
  using Field = std::pair<std::string, std::string>;
  explicit Parameters(std::vector<Field> fields) : fields_(std::move(fields)) {}

  // In the order of the file; strings without their quotes.
  const std::vector<Field>& fields() const { return fields_; }
  // All values of that name.
  std::vector<std::string> all(const std::string& name) const {
    std::vector<std::string> values;
    for (const Field& field : fields_)
      if (field.first == name) values.push_back(field.second);
    return values;
  }
  // The last value of that name, or what it is otherwise. number() throws on what is none.
  std::string text(const std::string& name, const std::string& otherwise = {}) const {
    const std::vector<std::string> values = all(name);
    return values.empty() ? otherwise : values.back();
  }
  double number(const std::string& name, double otherwise) const {
    const std::vector<std::string> values = all(name);
    return values.empty() ? otherwise : parse_number(name, values.back());
  }
  bool flag(const std::string& name, bool otherwise) const {
    const std::vector<std::string> values = all(name);
    return values.empty() ? otherwise : values.back() == "true" || values.back() == "1";
  }

 private:
  static double parse_number(const std::string& name, const std::string& text) {
    std::size_t end = 0;
    double number = 0.0;
    try {
      number = std::stod(text, &end);
    } catch (const std::exception&) {
      end = 0;
    }
    if (end == 0 || end != text.size())
      throw std::invalid_argument(name + " '" + text + "' is no number");
    return number;
  }

  std::vector<Field> fields_;
};

// Exact counts: a multiply and the addition of its product are one multiply-add, everything else is
// one other operation each.
struct Work {
  std::int64_t multiply_adds = 0;
  std::int64_t other = 0;
};

// One layer of a network. Everything is const: several threads may use it at once.
class Layer {
 public:
  virtual ~Layer() = default;
  // The outputs' shapes. Throws where the layer cannot take such inputs.
  virtual std::vector<Dims> outputs(const std::vector<Dims>& inputs) const = 0;
  // The learned blobs, for inputs that outputs() takes.
  virtual std::vector<Param> params(const std::vector<Dims>&) const { return {}; }
  virtual Work work(const std::vector<Dims>&, const std::vector<Dims>&) const { return {}; }
  // Writes every element of the outputs, which overlap nothing. Must not throw.
  virtual void run(std::span<const Input> inputs, std::span<const Input> params,
                   std::span<const Output> outputs) const = 0;
  // For people: "slope 0.1"
  virtual std::string describe() const { return {}; }
};

// A type of layer, as `type: "..."` in the prototxt names it. `field` is its parameters' field
// there, or nullptr where it takes none.
struct LayerType {
  const char* name;
  const char* field;
  std::unique_ptr<Layer> (*create)(const Parameters& parameters);
};

struct Library {
  int version;
  const LayerType* types;
  std::size_t count;
};

}  // namespace kissa::plugin

// Makes an array of LayerType what the shared object offers.
#define KISSA_PLUGIN(kTypes)                                                                       \
  extern "C" __attribute__((visibility("default"))) const kissa::plugin::Library* kissa_plugin() { \
    static const kissa::plugin::Library library = {kissa::plugin::kVersion, kTypes,                \
                                                   sizeof(kTypes) / sizeof((kTypes)[0])};          \
    return &library;                                                                               \
  }
