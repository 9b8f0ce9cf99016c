// Kissa: runs trained Caffe models. The whole C++ API.
//
//   kissa::Model model = kissa::Model::load_caffe("deploy.prototxt", "net.caffemodel");
//   kissa::Engine engine = kissa::Engine::build(model);
//   kissa::Context context = engine.create_context();
//   std::span<float> data = context.input("data");      // FP32, N x C x H x W: fill it
//   context.run();
//   std::span<const float> prob = context.output("prob");
//
// Every function throws kissa::Error, with one line that says what is wrong, where, and what to do.
// A Model or an Engine may be shared by threads; a Context serves one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kissa/devices.h"
#include "kissa/error.h"
#include "kissa/log.h"
#include "kissa/types.h"

namespace kissa {

class Graph;

using Dims = std::vector<std::int64_t>;  // extents, outermost first: {1, 3, 224, 224}

std::string version();  // "0.1.0"

struct TensorInfo {
  std::string name;
  Dims dims;
  std::int64_t elements() const;
};

// Adds the layer types of a shared object (kissa/plugin.h) to those that networks may have, for the
// life of the process. Call it before loading a network that has them.
void load_plugin(const std::string& path);

// How to read a Caffe network.
struct CaffeOptions {
  std::map<std::string, Dims> input_shapes;  // by input blob; overrides the file
  bool train_phase = false;                  // which include/exclude rules hold
  std::vector<std::string> stages;
  int level = 0;
  std::optional<std::uint64_t> random_seed;  // fills parameters that no weight file gives
};

// How to write a network as ONNX.
inline constexpr int kMinOnnxOpset = 13;
inline constexpr int kMaxOnnxOpset = 21;
struct OnnxOptions {
  int opset = kMinOnnxOpset;         // version of ONNX's operators
  bool expand_lrn = false;           // LRN as a convolution and roots: faster in some engines
  std::vector<std::string> outputs;  // blobs in place of the network's outputs; what only those
                                     // need is left out
};

// One layer, with its exact arithmetic and least memory traffic for the shapes it stands at.
struct LayerInfo {
  std::string name;
  std::string op;           // "convolution"
  std::string description;  // "64 x 7x7, stride 2x2, pad 3x3"
  std::string where;        // "deploy.prototxt:71"
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> params;
  std::vector<TensorInfo> outputs;
  std::int64_t multiply_adds = 0;
  std::int64_t other_operations = 0;  // comparisons, lone additions, exp, ...
  std::int64_t bytes = 0;             // inputs and parameters read once, outputs written once, FP32
};

class Model {
 public:
  // `caffemodel` may be empty: then the model can be inspected, and run if random_seed is set.
  static Model load_caffe(const std::string& prototxt, const std::string& caffemodel = {},
                          const CaffeOptions& options = {});

  const std::string& name() const;
  std::vector<TensorInfo> inputs() const;
  std::vector<TensorInfo> outputs() const;
  std::vector<TensorInfo> blobs() const;  // every blob by its final name, inputs first
  std::vector<LayerInfo> layers() const;

  // The same network and weights for other input shapes; inputs not named keep theirs.
  Model with_input_shapes(const std::map<std::string, Dims>& shapes) const;
  // The same network with the first extent of every input set to `batch` (>= 1).
  Model with_batch(std::int64_t batch) const;

  std::string to_text() const;  // one line a node
  std::string to_dot() const;   // Graphviz
  // Writes an ONNX file that computes the same for the model's input shapes, or none. Throws
  // kUnsupported, naming the layer and the reason, on what ONNX cannot say.
  void save_onnx(const std::string& path, const OnnxOptions& options = {}) const;
  // What fused mode makes of it: what is rewritten into what, and what is not and why; lines.
  // `fetch` and `skip_passes` as in EngineOptions.
  std::string describe_passes(const std::vector<std::string>& fetch = {},
                              const std::vector<std::string>& skip_passes = {}) const;

 private:
  struct Source;
  friend class Engine;
  Model(std::shared_ptr<const Graph> graph, std::shared_ptr<const Source> source)
      : graph_(std::move(graph)), source_(std::move(source)) {}
  std::shared_ptr<const Graph> graph_;
  std::shared_ptr<const Source> source_;
};

// Write Caffe's older formats, V0 and V1, anew in today's, V2: a network's definition, and weights.
void upgrade_caffe_network(const std::string& prototxt, const std::string& upgraded);
void upgrade_caffe_weights(const std::string& caffemodel, const std::string& upgraded);

// A tensor in a Caffe BlobProto file, such as mean.binaryproto.
struct Blob {
  Dims dims;
  std::vector<float> data;
};
Blob load_caffe_blob(const std::string& path);

struct EngineOptions {
  std::string device = "cpu";  // or "cuda", "cuda:1"
  std::optional<Mode> mode;    // the best that is built, unless given
  Precision precision = Precision::kFp32;
  int threads = 0;                       // of a CPU; 0: all that this process may use
  std::vector<std::string> fetch;        // blobs to keep besides the network's outputs
  std::vector<std::string> skip_passes;  // names of rewrites that fused mode leaves out
  std::string timing_cache;              // a file of measured times to read and extend; empty: none
  bool error_on_cache_miss = false;      // measure nothing, throw where the cache lacks a time
  double build_seconds = 3.0;            // at most, for measuring; 0: take the usual order
  bool spin_wait = false;  // wait for a GPU in a busy loop: less latency for more of a processor
};

struct MemoryInfo {
  std::int64_t weights = 0;      // bytes of parameters as the engine holds them
  std::int64_t arena = 0;        // bytes that one context allocates
  std::int64_t activations = 0;  // bytes of all activations together, had none shared memory
};

// A tactic that cannot run a step, and why.
struct TacticRefusal {
  std::string tactic;
  std::string reason;
};

// What an engine runs in one go: one or more layers, or a change of layout between them.
struct StepInfo {
  std::vector<std::string> layers;      // as the file names them; empty for a change of layout
  std::vector<std::string> ops;         // as LayerInfo::op, one a node that the rewrites left
  std::vector<TensorInfo> outputs;      // what it writes
  std::string tactic;                   // "cpu.conv.winograd_f4.f32.avx512"
  std::vector<TacticRefusal> refusals;  // of those that come before it in the usual order
  // As of a layer; of a change of layout, its bytes alone: read once, written once.
  std::int64_t multiply_adds = 0;
  std::int64_t other_operations = 0;
  std::int64_t bytes = 0;
};

// Memory of an arena that holds one thing from one of Engine::steps() through another.
struct MemoryBlock {
  std::string name;  // of the blob; empty for a step's workspace
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
  int first_step = 0;
  int last_step = 0;
};

struct ContextOptions {
  // On a GPU, run all steps as one recorded graph, in fused mode; else launch each by itself.
  bool graph = true;
};

// Where the time of one run went, in microseconds. Where the device is the host, the caller's own
// thread computes: there are no copies, and nothing is enqueued.
struct RunTimes {
  double enqueue = 0;  // the host's, until all steps were handed to the device
  double h2d = 0;      // copies to the device
  double compute = 0;
  double d2h = 0;   // copies back
  double wall = 0;  // from the call to its end
};

// The same, step by step, without copies. On a GPU three runs are taken together: one as run() does
// it, by the host's clock, and two recorded ones, whose marks the device's own clock times.
struct StepTimes {
  std::vector<double> device;  // of each of Engine::steps(), between marks
  // All steps with no mark between them: what `device` adds up to beyond it is the marks' own cost.
  double computing = 0;
  // The host's, in the calls that start work, and from each call's end until that work was done: a
  // pair a step where each is waited for, as in caffe mode, else one for the run. Empty where the
  // device is the host.
  std::vector<double> launch;
  std::vector<double> wait;
  double wall = 0;  // of the run, by the host's clock
};

class Context;

// A model made ready for one device: every decision taken, weights packed.
class Engine {
 public:
  static Engine build(const Model& model, const EngineOptions& options = {});

  // A plan file holds all of an engine, its weights packed, and loads within milliseconds. It
  // appears whole under its name or not at all. It must not be changed while an engine uses it;
  // replacing it, as save() does, is fine.
  void save(const std::string& path) const;
  // Takes the engine as it was saved, on the same kind of machine. On another instruction set or
  // number of threads its weights are packed anew for the same kernels, where they exist; it is
  // logged. On another kind of GPU it throws kDevice. `threads`: 0 for what the engine was built
  // for.
  static Engine load(const std::string& path, int threads = 0);

  // The same engine for other weights: nothing is measured. `model` is the same network; it takes
  // the engine's input shapes. Throws kInvalidModel where it is another one, or where these weights
  // let it be rewritten in another way.
  Engine refit(const Model& model) const;
  // The same with the weights of a file, and the network's definition as the engine was built from.
  Engine refit_caffe(const std::string& caffemodel) const;

  const std::string& name() const;  // the network's
  const std::string& device() const;
  Precision precision() const;
  int threads() const;
  const std::vector<TensorInfo>& inputs() const;
  // The network's outputs, then the fetched blobs.
  const std::vector<TensorInfo>& outputs() const;
  Mode mode() const;
  MemoryInfo memory() const;
  std::vector<StepInfo> steps() const;  // in the order of execution
  std::vector<MemoryBlock> memory_blocks() const;
  Context create_context(const ContextOptions& options = {}) const;

 private:
  struct Impl;
  friend class Context;
  explicit Engine(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

// The memory and the stream of one caller.
class Context {
 public:
  Context(Context&&) noexcept;
  Context& operator=(Context&&) noexcept;
  ~Context();

  // FP32 in Caffe's order, valid for the life of the context. Throws kInvalidArgument on a name
  // that the engine does not have.
  std::span<float> input(const std::string& name);
  std::span<const float> output(const std::string& name) const;
  // The extents of what output() holds: Engine::outputs() says how large they can get where their
  // number depends on the data, as that of detections does.
  Dims output_dims(const std::string& name) const;
  void run();
  // The same, waiting after each step: the microseconds that each of Engine::steps() took.
  std::vector<double> run_timed();
  // Runs `times` (>= 1) times, one behind the other, on the inputs that the last run() brought to
  // the device, copying nothing to or from it: microseconds a run by the device's own clock.
  double time_on_device(int times);
  // One run as run() does it, taken apart; without `copies`, inputs and outputs stay where they
  // are.
  RunTimes run_measured(bool copies = true);
  // Without copies, each step in the midst of its neighbours. Call run() before.
  StepTimes run_profiled();

 private:
  struct Impl;
  friend class Engine;
  explicit Context(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kissa
