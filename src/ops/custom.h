// A user's own op: a layer of a plugin (kissa/plugin.h) behind the interface of all ops.
#pragma once

#include <string>

#include "kissa/plugin.h"
#include "ops/op_kind.h"

namespace kissa {

// `type` is the plugin's name for it, `parameters` the text of its field in the prototxt. Whatever
// it is asked throws kUnsupported where no plugin that was added has such a type, and
// kInvalidModel, with the plugin's own words, where the plugin throws.
struct Custom {
  static constexpr std::string_view kName = "custom";
  std::string type;
  std::string parameters;
  std::int64_t inputs = 1;

  std::vector<ParamSpec> params(const Shapes& in) const;
  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Custom&, const Custom&) = default;
};
static_assert(OpKind<Custom> && HasParams<Custom>);

// Makes the types known to the whole process, for its life. Throws kInvalidArgument where the
// library is of another version, or a type is known already. `where` is for messages.
void add_custom_types(const plugin::Library& library, const std::string& where);
// The type of that name, or nullptr.
const plugin::LayerType* find_custom_type(std::string_view name);
std::vector<const plugin::LayerType*> custom_types();

// The fields in the text of a message's body. Throws kInvalidModel on text that is none.
plugin::Parameters parse_parameters(std::string_view text);

}  // namespace kissa
