// kissa classify: Caffe's cpp_classification, for one image or many.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "classifier.h"
#include "commands.h"
#include "labels.h"
#include "progress.h"
#include "topk.h"

namespace kissa::tools {
namespace {

using Json = nlohmann::ordered_json;

struct ClassifyOptions {
  ClassifierOptions classifier;
  std::string labels;
  std::string image;
  std::optional<std::int64_t> batch;
  std::vector<std::string> images;
  std::int64_t top = 5;
  bool json = false;
};

struct BatchTime {
  double median_us;
  std::size_t runs;
};

// After one run to warm up: at least three runs and half a second.
BatchTime time_batch(Classifier& classifier) {
  using Clock = std::chrono::steady_clock;
  using Microseconds = std::chrono::duration<double, std::micro>;
  constexpr std::size_t kLeastRuns = 3;
  constexpr auto kLeastTime = std::chrono::milliseconds(500);
  classifier.run();
  std::vector<double> times;
  for (const auto start = Clock::now();
       times.size() < kLeastRuns || Clock::now() - start < kLeastTime;) {
    const auto begin = Clock::now();
    classifier.run();
    times.push_back(Microseconds(Clock::now() - begin).count());
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return {*middle, times.size()};
}

Json to_json(const std::string& image, std::span<const float> scores,
             const std::vector<std::size_t>& best, const std::vector<std::string>& labels) {
  Json predictions = Json::array();
  for (const std::size_t index : best)
    predictions.push_back(
        {{"index", index}, {"label", labels[index]}, {"probability", scores[index]}});
  return {{"image", image}, {"predictions", std::move(predictions)}};
}

void print_text(const std::string& image, std::span<const float> scores,
                const std::vector<std::size_t>& best, const std::vector<std::string>& labels) {
  fmt::print("---------- Prediction for {} ----------\n", image);
  for (const std::size_t index : best)
    fmt::print("{:.4f} - \"{}\"\n", scores[index], labels[index]);
}

void check_options(const ClassifyOptions& options) {
  if (options.image.empty() == options.images.empty())
    fail(ErrorCode::kInvalidArgument, "give one image after the labels, or several by --images");
  if (options.top < 1) fail(ErrorCode::kInvalidArgument, "--top {}: give 1 or more", options.top);
}

std::vector<std::string> load_labels(const std::string& path, std::size_t classes) {
  std::vector<std::string> labels = read_labels(path);
  if (labels.size() != classes)
    fail(ErrorCode::kInvalidFile, "{}: {} labels, but the network's output has {} classes", path,
         labels.size(), classes);
  return labels;
}

void classify(const CLI::App& command, const ClassifyOptions& options) {
  check_options(options);
  const bool single = options.images.empty();
  Classifier classifier(command, options.classifier, options.batch);
  const std::vector<std::string> labels = load_labels(options.labels, classifier.classes());
  const std::vector<std::string> images =
      single ? std::vector{options.image} : list_images(options.images);

  Json results = Json::array();
  Progress progress(images.size());
  for (std::size_t begin = 0; begin < images.size(); begin += classifier.batch()) {
    const std::size_t count = std::min(classifier.batch(), images.size() - begin);
    for (std::size_t slot = 0; slot < count; ++slot) classifier.load(images[begin + slot], slot);
    if (single) classifier.fill_slots();
    classifier.run();
    progress.clear();
    for (std::size_t slot = 0; slot < count; ++slot) {
      const std::span<const float> scores = classifier.scores(slot);
      const std::vector<std::size_t> best = top_k(scores, static_cast<std::size_t>(options.top));
      if (options.json) {
        results.push_back(to_json(images[begin + slot], scores, best, labels));
      } else {
        print_text(images[begin + slot], scores, best, labels);
      }
    }
    if (!single) progress.advance(count);
  }
  progress.clear();

  Json document = {{"images", std::move(results)}};
  if (options.batch) {
    const BatchTime time = time_batch(classifier);
    document["time"] = {
        {"batch", *options.batch}, {"median_us", time.median_us}, {"runs", time.runs}};
    fmt::print(stderr, "batch {}: {:.0f} us (median of {} runs)\n", *options.batch, time.median_us,
               time.runs);
  }
  if (options.json)
    fmt::print("{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace));
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa classify deploy.prototxt net.caffemodel mean.binaryproto labels.txt cat.jpg\n"
    "  kissa classify deploy.prototxt net.caffemodel - labels.txt --images photos/ --batch 8 \\\n"
    "      --resize 256 --crop 224 --mean-values 104,117,123\n";

}  // namespace

void add_classify(CLI::App& program) {
  CLI::App& command = *program.add_subcommand("classify", "Name what images show");
  auto options = std::make_shared<ClassifyOptions>();
  command.footer(kExamples);
  NetworkOptions& network = options->classifier.network;
  command.add_option("deploy", network.prototxt, "Network definition (prototxt), or a plan file")
      ->type_name("FILE")
      ->required();
  command
      .add_option("weights", network.weights,
                  "Weights (caffemodel); - for none, and with a plan file")
      ->type_name("FILE")
      ->required();
  command
      .add_option("mean", options->classifier.preprocess.mean_file,
                  "Mean image (binaryproto); - for none")
      ->type_name("FILE")
      ->required();
  command.add_option("labels", options->labels, "Names of the classes, one a line")
      ->type_name("FILE")
      ->required();
  command.add_option("image", options->image, "Image to classify")->type_name("FILE");
  command.add_option("batch,--batch", options->batch,
                     "Images a batch (1). One image fills every slot; when the batch is given, the "
                     "time of one goes to standard error; give --build-seconds for the fastest");
  command
      .add_option("--images", options->images,
                  "Images or folders of images, in place of the one image")
      ->type_name("PATH");
  command.add_option("--top", options->top, "Predictions an image (5)")->type_name("N");
  command.add_flag("--json", options->json, "Print JSON instead of text");
  add_classifier_options(command, options->classifier);
  command.callback([options, &command] { classify(command, *options); });
}

}  // namespace kissa::tools
