// Turns the layers of a network file, one after the other, into nodes of a graph.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "import/caffe/import.h"
#include "import/caffe/network_file.h"
#include "import/caffe/parameters.h"
#include "ir/graph.h"

namespace kissa::caffe {

class Builder {
 public:
  // All three must outlive the builder; the file is in today's format; `weights` may be nullptr.
  Builder(const NetworkFile& file, const ImportOptions& options, const WeightFile* weights);

  // Every layer that belongs to the network in the options' state, then the outputs: the blobs that
  // no layer has read, by name. Errors begin with file, line, layer and type.
  Graph build();

 private:
  friend class Layer;

  struct Blob {
    ValueId value = kNone;    // kNone: left out of the graph
    std::string reason = {};  // why it was left out
    bool is_read = false;     // by a layer of the graph
  };

  void choose_members();
  void add_layer(int index);
  // The first bottom that was left out of the graph, or nullptr. Throws on one that is not there.
  const std::string* find_dropped_bottom(int index) const;
  [[noreturn]] void fail_unknown_bottom(int index, const std::string& bottom) const;
  void drop_layer(int index, const std::string& bottom);
  void check_tops_are_new(int index) const;
  void add_outputs();
  void check_user_shapes() const;
  void state_precision() const;

  const LayerParameter& spec(int index) const { return file_.net.layer(index); }
  std::string place(int index) const;  // "deploy.prototxt:71"
  std::string where(int index) const;  // "deploy.prototxt:71: layer 'conv1' (Convolution)"

  const NetworkFile& file_;
  const ImportOptions& options_;
  NetState state_;
  Graph graph_;
  Parameters parameters_;
  std::vector<int> members_;  // the layers that belong to the network
  std::map<std::string, Blob> blobs_;
};

// What an import function sees: one layer, the shapes that reach it, and the ways to put something
// into the graph in its place. The calls together must define every top.
class Layer {
 public:
  Layer(Builder& builder, int index, std::vector<ValueId> bottoms)
      : builder_(builder), index_(index), bottoms_(std::move(bottoms)) {}

  const LayerParameter& spec() const { return builder_.spec(index_); }
  int bottoms() const { return spec().bottom_size(); }
  int tops() const { return spec().top_size(); }
  ValueId bottom(int i) const { return bottoms_.at(static_cast<std::size_t>(i)); }
  Shape bottom_shape(int i) const;
  bool is_training() const;

  // One node: all bottoms in, all tops out. Its learned tensors are the layer's blobs.
  void add(const Op& op);
  // A node for each bottom, to the top at its place; they share the learned tensors.
  void add_each(const Op& op);
  // A node for each top, all from the first bottom.
  void add_fan_out(const Op& op);

  // For a layer that several ops make up: all but the last, whose output is called
  // "<layer>/<step>", and the last, which makes the top. `params`: which of the layer's blobs the
  // op takes; none: all of them are its own.
  ValueId add_step(const Op& op, std::vector<ValueId> inputs, const std::string& step,
                   std::vector<ValueId> params = {});
  void add_last_step(const Op& op, std::vector<ValueId> inputs, std::vector<ValueId> params = {});
  // The layer's next learned tensor.
  ValueId add_blob(const kissa::ParamSpec& spec);
  // The weight file may give the blobs other extents of 1: 1xCx1x1 for C.
  void allow_other_shapes() { has_other_shapes_ = true; }
  // A constant "<layer>.<name>" for a step.
  ValueId add_constant(const std::string& name, const Shape& shape, std::vector<float> data);
  // As add, with one input more.
  void add_with_constant(const Op& op, const std::string& name, const Shape& shape,
                         std::vector<float> data);

  // Makes a top an input of the network. The user's shape for it goes before the file's; throws
  // where there is neither.
  void add_input(int top, const std::optional<Shape>& shape);
  void add_constant(int top, const Shape& shape, float value);
  void add_constant(int top, const Shape& shape, std::vector<float> data);
  // Makes a top a learned tensor, the layer's one blob.
  void add_parameter(int top, const Shape& shape);
  // Leaves a top out of the graph, and with it the layers that read it.
  void drop(int top, const std::string& reason);
  // Leaves the layer out, with a warning: what it reads becomes an output of the network, as far as
  // no other layer reads it.
  void leave_out(const std::string& reason);

  bool has_user_shape(int top) const;
  // Whether another layer of the network reads the top.
  bool is_read(int top) const;
  // Whether the network has a layer of one of these types.
  bool has_neighbour(std::initializer_list<std::string_view> types) const;
  void log_info(const std::string& text) const;

 private:
  friend class Builder;

  std::vector<ValueId> params_for(const Op& op, const Shapes& in);
  NodeId add_node(const Op& op, std::vector<ValueId> inputs, std::vector<std::string> outputs,
                  std::string name, std::vector<ValueId> params = {});
  void add_tops(const Op& op, std::vector<ValueId> inputs, const std::vector<std::string>& tops,
                std::string name, std::vector<ValueId> params = {});

  Builder& builder_;
  int index_;
  std::vector<ValueId> bottoms_;
  std::vector<ValueId> blobs_ = {};  // the learned tensors
  bool has_other_shapes_ = false;
  bool is_left_out_ = false;
};

}  // namespace kissa::caffe
