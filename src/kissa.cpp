#include "kissa/kissa.h"

#include <algorithm>
#include <unordered_map>

#include "backends/registry.h"
#include "base/error.h"
#include "export/dot.h"
#include "import/caffe/import.h"
#include "ir/graph.h"
#include "passes/pipeline.h"
#include "runtime/build_plan.h"
#include "runtime/context.h"

namespace kissa {
namespace {

TensorInfo info_of(const Graph& graph, ValueId id) {
  return {graph.value(id).name, graph.value(id).shape.dims()};
}

std::vector<TensorInfo> infos_of(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<TensorInfo> infos;
  for (const ValueId id : ids) infos.push_back(info_of(graph, id));
  return infos;
}

std::unordered_map<std::string, Shape> to_shapes(const std::map<std::string, Dims>& dims) {
  std::unordered_map<std::string, Shape> shapes;
  for (const auto& input : dims)
    shapes.emplace(input.first, with_context([&] { return "input '" + input.first + "'"; },
                                             [&] { return Shape(input.second); }));
  return shapes;
}

}  // namespace

std::string version() { return KISSA_VERSION; }

std::int64_t TensorInfo::elements() const { return Shape(dims).elements(); }

Model Model::load_caffe(const std::string& prototxt, const std::string& caffemodel,
                        const CaffeOptions& options) {
  ImportOptions import{.input_shapes = to_shapes(options.input_shapes),
                       .train_phase = options.train_phase,
                       .stages = options.stages,
                       .level = options.level,
                       .random_seed = options.random_seed};
  Graph graph = import_caffe(prototxt, caffemodel, import);
  graph.verify();
  return Model(std::make_shared<const Graph>(std::move(graph)));
}

const std::string& Model::name() const { return graph_->name; }
std::vector<TensorInfo> Model::inputs() const { return infos_of(*graph_, graph_->inputs()); }
std::vector<TensorInfo> Model::outputs() const { return infos_of(*graph_, graph_->outputs()); }

std::vector<TensorInfo> Model::blobs() const {
  std::vector<TensorInfo> blobs;
  for (const std::string& blob : graph_->value_names())
    blobs.push_back(info_of(*graph_, graph_->find_value(blob)));
  return blobs;
}

std::vector<LayerInfo> Model::layers() const {
  std::vector<LayerInfo> layers;
  for (const Node& node : graph_->nodes()) {
    const Work work = graph_->work_of(node);
    layers.push_back({.name = node.name,
                      .op = std::string(name_of(node.op)),
                      .description = describe(node.op),
                      .where = node.where,
                      .inputs = infos_of(*graph_, node.inputs),
                      .params = infos_of(*graph_, node.params),
                      .outputs = infos_of(*graph_, node.outputs),
                      .multiply_adds = work.arithmetic.multiply_adds,
                      .other_operations = work.arithmetic.other,
                      .bytes = work.bytes});
  }
  return layers;
}

Model Model::with_input_shapes(const std::map<std::string, Dims>& shapes) const {
  return Model(std::make_shared<const Graph>(graph_->reshaped(to_shapes(shapes))));
}

Model Model::with_batch(std::int64_t batch) const {
  if (batch < 1)
    fail(ErrorCode::kInvalidArgument, "batch {} makes no sense: it must be 1 or more", batch);
  std::map<std::string, Dims> shapes;
  for (TensorInfo& input : inputs()) {
    if (input.dims.empty()) continue;
    input.dims[0] = batch;
    shapes.emplace(input.name, std::move(input.dims));
  }
  return with_input_shapes(shapes);
}

std::string Model::to_text() const { return graph_->to_text(); }
std::string Model::to_dot() const { return export_dot(*graph_); }

Blob load_caffe_blob(const std::string& path) {
  BlobFile file = read_blob_file(path);
  return {file.shape.dims(), std::move(file.data)};
}

struct Engine::Impl {
  std::shared_ptr<const Plan> plan;
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
};

Engine Engine::build(const Model& model, const EngineOptions& options) {
  const DeviceChoice device = find_device(options.device);
  const auto is_built = [&](Mode mode) {
    return !device.backend.tactics(mode, options.precision).empty();
  };
  runtime::BuildOptions build{
      .plan = {.mode = options.mode.value_or(is_built(Mode::kFused) ? Mode::kFused : Mode::kCaffe),
               .precision = options.precision,
               .device = {.index = device.index, .threads = options.threads},
               .fetch = options.fetch},
      .timing_cache = options.timing_cache,
      .error_on_cache_miss = options.error_on_cache_miss,
      .build_seconds = options.build_seconds};
  std::shared_ptr<const Graph> graph = model.graph_;
  if (build.plan.mode == Mode::kFused) {
    PassesResult passes = run_passes(*graph, {.fetch = options.fetch, .skip = options.skip_passes});
    graph = std::make_shared<const Graph>(std::move(passes.graph));
    build.plan.fetch = {};  // outputs of the graph by now
  }

  auto impl = std::make_shared<Impl>();
  impl->plan = runtime::build_plan(std::move(graph), device.backend, build);
  impl->inputs = model.inputs();
  impl->outputs = infos_of(*impl->plan->graph, impl->plan->outputs);
  return Engine(std::move(impl));
}

const std::vector<TensorInfo>& Engine::inputs() const { return impl_->inputs; }
const std::vector<TensorInfo>& Engine::outputs() const { return impl_->outputs; }
Mode Engine::mode() const { return impl_->plan->mode; }

MemoryInfo Engine::memory() const {
  return {impl_->plan->weight_bytes, impl_->plan->arena_bytes, impl_->plan->activation_bytes};
}

struct Context::Impl {
  std::shared_ptr<const Engine::Impl> engine;
  runtime::Context context;

  // Where `name` stands in `infos`.
  static std::size_t find(const std::string& name, std::string_view kind,
                          const std::vector<TensorInfo>& infos) {
    const auto it = std::find_if(infos.begin(), infos.end(),
                                 [&](const TensorInfo& info) { return info.name == name; });
    if (it == infos.end())
      fail(ErrorCode::kInvalidArgument, "this engine has no {} '{}'", kind, name);
    return static_cast<std::size_t>(it - infos.begin());
  }
};

Context::Context(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;
Context::~Context() = default;

Context Engine::create_context() const {
  return Context(
      std::make_unique<Context::Impl>(Context::Impl{impl_, runtime::Context(impl_->plan)}));
}

std::span<float> Context::input(const std::string& name) {
  const std::size_t i = Impl::find(name, "input", impl_->engine->inputs);
  return {impl_->context.input(i), static_cast<std::size_t>(impl_->engine->inputs[i].elements())};
}

std::span<const float> Context::output(const std::string& name) const {
  const std::size_t i = Impl::find(name, "output", impl_->engine->outputs);
  return {impl_->context.output(i), static_cast<std::size_t>(impl_->engine->outputs[i].elements())};
}

void Context::run() { impl_->context.run(); }
double Context::time_on_device(int times) { return impl_->context.run_on_device(times); }

}  // namespace kissa
