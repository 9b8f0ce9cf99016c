#include "classifier.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace kissa::tools {
namespace {

std::string list(const std::vector<TensorInfo>& tensors) {
  std::string text;
  for (const TensorInfo& tensor : tensors)
    text +=
        fmt::format("{}'{}' ({})", text.empty() ? "" : ", ", tensor.name, to_string(tensor.dims));
  return text.empty() ? "none" : text;
}

void check_network(const std::vector<TensorInfo>& inputs, const std::vector<TensorInfo>& outputs) {
  if (inputs.size() != 1)
    fail(ErrorCode::kInvalidModel, "a classifier has one input; this network's: {}", list(inputs));
  if (outputs.size() != 1)
    fail(ErrorCode::kInvalidModel, "a classifier has one output; this network's: {}",
         list(outputs));
  const Dims& input = inputs[0].dims;
  if (input.size() != 4 || (input[1] != 1 && input[1] != 3))
    fail(ErrorCode::kInvalidModel, "a classifier's input is Nx1xHxW or Nx3xHxW; this network's: {}",
         list(inputs));
  constexpr std::int64_t kMaxSide = std::numeric_limits<std::int16_t>::max();
  if (std::any_of(input.begin() + 2, input.end(),
                  [](std::int64_t side) { return side < 1 || side > kMaxSide; }))
    fail(ErrorCode::kInvalidModel, "no image has the size of this network's input: {}",
         list(inputs));
  const Dims& output = outputs[0].dims;
  const bool is_row = output.size() >= 2 && output[0] == input[0] && output[1] > 0 &&
                      std::all_of(output.begin() + 2, output.end(),
                                  [](std::int64_t extent) { return extent == 1; });
  if (!is_row)
    fail(ErrorCode::kInvalidModel, "a classifier's output is a row of scores an image; this is {}",
         list(outputs));
}

// The batch of --shape counts where none is given.
Model load_classifier(const NetworkOptions& network, std::optional<std::int64_t> batch) {
  const Model loaded = load_network(network);
  if (!batch && !network.caffe.input_shapes.empty()) return loaded;
  const std::int64_t images = batch.value_or(1);
  return with_context([&] { return fmt::format("batch {}", images); },
                      [&] { return loaded.with_batch(images); });
}

Engine build_classifier(const ClassifierOptions& options, std::optional<std::int64_t> batch) {
  if (batch && *batch < 1)
    fail(ErrorCode::kInvalidArgument, "batch {} makes no sense: give 1 or more", *batch);
  const Model model = load_classifier(options.network, batch);
  with_context([&] { return options.network.prototxt; },
               [&] { check_network(model.inputs(), model.outputs()); });
  return build_engine(model, options.engine);
}

Engine make_classifier(const CLI::App& command, const ClassifierOptions& options,
                       std::optional<std::int64_t> batch) {
  if (!is_plan(options.network.prototxt)) return build_classifier(options, batch);
  Engine engine = load_plan(command, options.network, options.engine, batch);
  with_context([&] { return options.network.prototxt; },
               [&] { check_network(engine.inputs(), engine.outputs()); });
  return engine;
}

}  // namespace

void add_classifier_options(CLI::App& command, ClassifierOptions& options) {
  add_preprocess_options(command, options.preprocess);
  add_random_weights(command, options.network);
  add_network_rules(command, options.network);
  add_engine_options(command, options.engine);
}

Classifier::Classifier(const CLI::App& command, const ClassifierOptions& options,
                       std::optional<std::int64_t> batch)
    : Classifier(make_classifier(command, options, batch), options.preprocess) {}

Classifier::Classifier(Engine engine, const PreprocessOptions& options)
    : engine_(std::move(engine)),
      context_(engine_.create_context()),
      input_(engine_.inputs()[0].name),
      output_(engine_.outputs()[0].name),
      batch_(static_cast<std::size_t>(engine_.inputs()[0].dims[0])),
      classes_(static_cast<std::size_t>(engine_.outputs()[0].dims[1])),
      preprocessor_(options, static_cast<int>(engine_.inputs()[0].dims[1]),
                    static_cast<int>(engine_.inputs()[0].dims[2]),
                    static_cast<int>(engine_.inputs()[0].dims[3])) {}

void Classifier::load(const std::string& path, std::size_t slot) {
  const cv::Mat image = load_image(path);
  with_context([&] { return path; }, [&] { preprocessor_.run(image, slot_planes(slot)); });
}

void Classifier::fill_slots() {
  const std::span<const float> first = slot_planes(0);
  for (std::size_t slot = 1; slot < batch_; ++slot)
    std::copy(first.begin(), first.end(), slot_planes(slot).begin());
}

std::span<const float> Classifier::scores(std::size_t slot) const {
  return context_.output(output_).subspan(slot * classes_, classes_);
}

std::span<float> Classifier::slot_planes(std::size_t slot) {
  const std::span<float> input = context_.input(input_);
  const std::size_t size = input.size() / batch_;
  return input.subspan(slot * size, size);
}

}  // namespace kissa::tools
