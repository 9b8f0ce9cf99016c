#include "kissa/kissa.h"

#include <algorithm>
#include <unordered_map>

#include "backends/registry.h"
#include "base/error.h"
#include "base/log.h"
#include "export/dot.h"
#include "export/onnx.h"
#include "import/caffe/convert.h"
#include "import/caffe/import.h"
#include "ir/counts.h"
#include "ir/graph.h"
#include "passes/pipeline.h"
#include "runtime/build_plan.h"
#include "runtime/context.h"
#include "runtime/load_plan.h"

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

std::map<std::string, Dims> dims_of(const std::vector<TensorInfo>& infos) {
  std::map<std::string, Dims> dims;
  for (const TensorInfo& info : infos) dims.emplace(info.name, info.dims);
  return dims;
}

// The ops and the work of a step.
void add_work(StepInfo& info, const Graph& graph, const PlanStep& step) {
  for (const NodeId n : step.nodes) {
    const Node& node = graph.node(n);
    const Work work = graph.work_of(node);
    info.ops.emplace_back(name_of(node.op));
    info.multiply_adds += work.arithmetic.multiply_adds;
    info.other_operations += work.arithmetic.other;
    info.bytes += work.bytes;
  }
  if (!step.nodes.empty()) return;
  for (const ValueId id : step.writes)
    info.bytes += 2 * TensorDesc{.shape = graph.value(id).shape}.bytes();
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

std::vector<DeviceInfo> devices() {
  std::vector<DeviceInfo> found;
  for (const Backend& backend : backends()) {
    for (int index = 0;; ++index) {
      try {
        const auto device = backend.create({.index = index});
        found.push_back({device->name(), device->description(), device->isa(), device->units(),
                         device->available_memory(), device->facts()});
        if (backend.libraries == nullptr) continue;
        for (auto& fact : backend.libraries()) found.back().facts.push_back(std::move(fact));
      } catch (const Error& error) {
        if (index == 0) log(LogLevel::kInfo, "{}", error.what());
        break;
      }
    }
  }
  return found;
}

DevicePeaks measure_peaks(const std::string& device, int threads) {
  const DeviceChoice choice = find_device(device);
  return choice.backend.create({.index = choice.index, .threads = threads})->measure_peaks();
}

std::int64_t TensorInfo::elements() const { return Shape(dims).elements(); }

// What a model was made of, besides weights.
struct Model::Source {
  NetworkText network;
  ImportOptions options;

  static Model load(Source source, const std::string& caffemodel) {
    Graph graph = import_caffe(source.network, caffemodel, source.options);
    graph.verify();
    return Model(std::make_shared<const Graph>(std::move(graph)),
                 std::make_shared<const Source>(std::move(source)));
  }
};

Model Model::load_caffe(const std::string& prototxt, const std::string& caffemodel,
                        const CaffeOptions& options) {
  return Source::load({.network = read_network_text(prototxt),
                       .options = {.input_shapes = to_shapes(options.input_shapes),
                                   .train_phase = options.train_phase,
                                   .stages = options.stages,
                                   .level = options.level,
                                   .random_seed = options.random_seed}},
                      caffemodel);
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
  return Model(std::make_shared<const Graph>(graph_->reshaped(to_shapes(shapes))), source_);
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

void Model::save_onnx(const std::string& path, const OnnxOptions& options) const {
  static_assert(kMinOnnxOpset == kMinOpset && kMaxOnnxOpset == kMaxOpset);
  export_onnx(*graph_, path,
              {.opset = options.opset,
               .expand_lrn = options.expand_lrn,
               .outputs = options.outputs,
               .version = version()});
}

std::string Model::describe_passes(const std::vector<std::string>& fetch,
                                   const std::vector<std::string>& skip_passes) const {
  return kissa::to_text(run_passes(*graph_, {.fetch = fetch, .skip = skip_passes}).reports);
}

void upgrade_caffe_network(const std::string& prototxt, const std::string& upgraded) {
  upgrade_network_file(prototxt, upgraded);
}

void upgrade_caffe_weights(const std::string& caffemodel, const std::string& upgraded) {
  upgrade_weight_file(caffemodel, upgraded);
}

Blob load_caffe_blob(const std::string& path) {
  BlobFile file = read_blob_file(path);
  return {file.shape.dims(), std::move(file.data)};
}

struct Engine::Impl {
  const Backend* backend = nullptr;
  std::shared_ptr<const Plan> plan;
  PlanRecord record;                     // how the plan came to be
  std::shared_ptr<const PlanFile> file;  // where it came from, if it was loaded
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  // Where an output stands among the plan's, and which of those says how much of it a run filled.
  struct Port {
    std::size_t place;
    std::optional<std::size_t> count;
    std::size_t counted_axis = 0;
  };
  std::vector<Port> ports;  // of `outputs`

  void set_ports() {
    const Graph& graph = *plan->graph;
    inputs = infos_of(graph, graph.inputs());
    const auto counts = counts_of(graph);
    const auto place_of = [&](ValueId id) {
      return static_cast<std::size_t>(std::find(plan->outputs.begin(), plan->outputs.end(), id) -
                                      plan->outputs.begin());
    };
    for (const ValueId id : plan->outputs) {
      if (is_count(graph, id)) continue;
      outputs.push_back(info_of(graph, id));
      Port& port = ports.emplace_back(Port{place_of(id), std::nullopt});
      const auto& count = counts[static_cast<std::size_t>(id)];
      if (!count || place_of(count->value) == plan->outputs.size()) continue;
      port.count = place_of(count->value);
      port.counted_axis = static_cast<std::size_t>(count->axis);
    }
  }

  static Engine make(const Backend& backend, std::shared_ptr<const Plan> plan, PlanRecord record,
                     std::shared_ptr<const PlanFile> file = nullptr) {
    auto impl = std::make_shared<Impl>();
    impl->backend = &backend;
    impl->plan = std::move(plan);
    impl->set_ports();
    impl->record = std::move(record);
    impl->file = std::move(file);
    return Engine(std::move(impl));
  }

  // The graph that runs: the model's with the fetched values as outputs, rewritten in fused mode.
  static std::shared_ptr<const Graph> prepare(const Model& model, Mode mode,
                                              const std::vector<std::string>& fetch,
                                              const std::vector<std::string>& skip) {
    check_pass_names(skip);
    if (mode != Mode::kFused)
      return std::make_shared<const Graph>(with_outputs(*model.graph_, fetch));
    return std::make_shared<const Graph>(
        run_passes(*model.graph_, {.fetch = fetch, .skip = skip}).graph);
  }

  static Recipe recipe_of(const Model& model, const std::vector<std::string>& fetch,
                          const std::vector<std::string>& skip_passes) {
    const Model::Source& source = *model.source_;
    Recipe recipe{.path = source.network.path,
                  .prototxt = source.network.text,
                  .input_shapes = {},
                  .train_phase = source.options.train_phase,
                  .stages = source.options.stages,
                  .level = source.options.level,
                  .random_seed = source.options.random_seed,
                  .fetch = fetch,
                  .skip_passes = skip_passes};
    for (const TensorInfo& input : model.inputs())
      recipe.input_shapes.emplace(input.name, Shape(input.dims));
    return recipe;
  }
};

Engine Engine::build(const Model& model, const EngineOptions& options) {
  const DeviceChoice device = find_device(options.device);
  const Backend& backend = device.backend;
  const auto is_built = [&](Mode mode) {
    return !backend.tactics(mode, options.precision).empty();
  };
  const runtime::BuildOptions build{
      .plan = {.mode = options.mode.value_or(is_built(Mode::kFused) ? Mode::kFused : Mode::kCaffe),
               .precision = options.precision,
               .device = {.index = device.index,
                          .threads = options.threads,
                          .spin_wait = options.spin_wait},
               .fetch = {}},
      .timing_cache = options.timing_cache,
      .error_on_cache_miss = options.error_on_cache_miss,
      .build_seconds = options.build_seconds};
  auto plan = runtime::build_plan(
      Impl::prepare(model, build.plan.mode, options.fetch, options.skip_passes), backend, build);
  PlanRecord record;
  record.version = version();
  record.device = options.device;
  record.threads_asked = options.threads;
  record.precision = options.precision;
  record.recipe = Impl::recipe_of(model, options.fetch, options.skip_passes);
  return Impl::make(backend, std::move(plan), std::move(record));
}

void Engine::save(const std::string& path) const {
  if (impl_->file) impl_->file->check_all_constants();
  write_plan_file(*impl_->plan, impl_->record, path);
}

Engine Engine::load(const std::string& path, int threads) {
  if (threads < 0)
    fail(ErrorCode::kInvalidArgument, "{} threads make no sense: give 1 or more, or 0", threads);
  auto file = std::make_shared<const PlanFile>(path);
  const DeviceChoice device =
      with_context([&] { return path; }, [&] { return find_device(file->record().device); });
  auto plan = runtime::load_plan(*file, device.backend, {.index = device.index, .threads = threads},
                                 version());
  PlanRecord record = file->record();
  record.version = version();
  if (threads > 0) record.threads_asked = threads;
  return Impl::make(device.backend, std::move(plan), std::move(record), std::move(file));
}

Engine Engine::refit(const Model& model) const {
  const Recipe& old = impl_->record.recipe;
  const Model same = model.with_input_shapes(dims_of(inputs()));
  auto plan =
      runtime::refit_plan(*impl_->plan, Impl::prepare(same, mode(), old.fetch, old.skip_passes),
                          *impl_->backend, impl_->record.precision);
  PlanRecord record = impl_->record;
  record.recipe = Impl::recipe_of(same, old.fetch, old.skip_passes);
  return Impl::make(*impl_->backend, std::move(plan), std::move(record));
}

Engine Engine::refit_caffe(const std::string& caffemodel) const {
  const Recipe& recipe = impl_->record.recipe;
  ImportOptions options{.input_shapes = {},
                        .train_phase = recipe.train_phase,
                        .stages = recipe.stages,
                        .level = recipe.level,
                        .random_seed = recipe.random_seed};
  for (const auto& [input, shape] : recipe.input_shapes) options.input_shapes.emplace(input, shape);
  return refit(Model::Source::load(
      {.network = {recipe.path, recipe.prototxt}, .options = std::move(options)}, caffemodel));
}

const std::string& Engine::name() const { return impl_->plan->graph->name; }
const std::string& Engine::device() const { return impl_->record.device; }
Precision Engine::precision() const { return impl_->record.precision; }
int Engine::threads() const { return impl_->plan->device->threads(); }
const std::vector<TensorInfo>& Engine::inputs() const { return impl_->inputs; }
const std::vector<TensorInfo>& Engine::outputs() const { return impl_->outputs; }
Mode Engine::mode() const { return impl_->plan->mode; }

MemoryInfo Engine::memory() const {
  return {impl_->plan->weight_bytes, impl_->plan->arena_bytes, impl_->plan->activation_bytes};
}

std::vector<MemoryBlock> Engine::memory_blocks() const {
  std::vector<MemoryBlock> blocks;
  for (const PlacedValue& placed : impl_->plan->placed)
    blocks.push_back(
        {placed.value == kNone ? std::string() : impl_->plan->graph->value(placed.value).name,
         placed.offset, placed.bytes, placed.first, placed.last});
  return blocks;
}

std::vector<StepInfo> Engine::steps() const {
  std::vector<StepInfo> steps;
  for (const PlanStep& step : impl_->plan->steps) {
    StepInfo& info = steps.emplace_back();
    info.layers = step.layers;
    info.outputs = infos_of(*impl_->plan->graph, step.writes);
    info.tactic = step.tactic;
    add_work(info, *impl_->plan->graph, step);
    for (const Refusal& refusal : step.refusals)
      info.refusals.push_back({std::string(refusal.tactic), refusal.reason});
  }
  return steps;
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

Context Engine::create_context(const ContextOptions& options) const {
  return Context(std::make_unique<Context::Impl>(
      Context::Impl{impl_, runtime::Context(impl_->plan, options)}));
}

std::span<float> Context::input(const std::string& name) {
  const std::size_t i = Impl::find(name, "input", impl_->engine->inputs);
  return {impl_->context.input(i), static_cast<std::size_t>(impl_->engine->inputs[i].elements())};
}

std::span<const float> Context::output(const std::string& name) const {
  const std::size_t i = Impl::find(name, "output", impl_->engine->outputs);
  return {impl_->context.output(impl_->engine->ports[i].place),
          static_cast<std::size_t>(Shape(output_dims(name)).elements())};
}

Dims Context::output_dims(const std::string& name) const {
  const std::size_t i = Impl::find(name, "output", impl_->engine->outputs);
  const Engine::Impl::Port& port = impl_->engine->ports[i];
  Dims dims = impl_->engine->outputs[i].dims;
  if (!port.count) return dims;
  std::int64_t& extent = dims[port.counted_axis];
  const float count = *impl_->context.output(*port.count);
  if (count >= 0.0f && count < static_cast<float>(extent))
    extent = static_cast<std::int64_t>(count);
  return dims;
}

void Context::run() { impl_->context.run(); }
std::vector<double> Context::run_timed() { return impl_->context.run_timed(); }
double Context::time_on_device(int times) { return impl_->context.time_on_device(times); }
RunTimes Context::run_measured(bool copies) { return impl_->context.run_measured(copies); }
StepTimes Context::run_profiled() { return impl_->context.run_profiled(); }

}  // namespace kissa
