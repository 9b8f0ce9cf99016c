// kissa eval: top-1 and top-5 accuracy over a labelled folder of images.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
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

struct EvalOptions {
  ClassifierOptions classifier;
  std::string folder;
  std::string ground_truth;
  std::optional<std::int64_t> batch;
  bool json = false;
};

struct Score {
  std::size_t images = 0;
  std::size_t top1 = 0;
  std::size_t top5 = 0;

  void add(std::size_t rank) {
    ++images;
    if (rank < 1) ++top1;
    if (rank < 5) ++top5;
  }
};

std::string path_of(const EvalOptions& options, const LabelledImage& image) {
  return (std::filesystem::path(options.folder) / image.file).string();
}

// Before the work starts rather than in its middle.
void check_images(const EvalOptions& options, const std::vector<LabelledImage>& images) {
  std::error_code error;
  for (const LabelledImage& image : images)
    if (!std::filesystem::exists(path_of(options, image), error))
      fail(ErrorCode::kInvalidFile, "{}:{}: there is no image '{}'", options.ground_truth,
           image.line, path_of(options, image));
}

Score evaluate(const CLI::App& command, const EvalOptions& options) {
  Classifier classifier(command, options.classifier, options.batch);
  const std::vector<LabelledImage> images =
      read_ground_truth(options.ground_truth, classifier.classes());
  check_images(options, images);

  Score score;
  Progress progress(images.size());
  for (std::size_t begin = 0; begin < images.size(); begin += classifier.batch()) {
    const std::size_t count = std::min(classifier.batch(), images.size() - begin);
    for (std::size_t slot = 0; slot < count; ++slot)
      classifier.load(path_of(options, images[begin + slot]), slot);
    classifier.run();
    for (std::size_t slot = 0; slot < count; ++slot)
      score.add(rank_of(classifier.scores(slot), images[begin + slot].label));
    progress.advance(count);
  }
  return score;
}

void print_text(const Score& score) {
  const auto percent = [&](std::size_t hits) {
    return 100.0 * static_cast<double>(hits) / static_cast<double>(score.images);
  };
  fmt::print("images  {}\n", score.images);
  fmt::print("top-1   {} ({:.2f} %)\n", score.top1, percent(score.top1));
  fmt::print("top-5   {} ({:.2f} %)\n", score.top5, percent(score.top5));
}

void eval(const CLI::App& command, const EvalOptions& options) {
  const Score score = evaluate(command, options);
  if (options.json) {
    const Json document = {{"images", score.images}, {"top1", score.top1}, {"top5", score.top5}};
    fmt::print("{}\n", document.dump(2));
  } else {
    print_text(score);
  }
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa eval deploy.prototxt net.caffemodel mean.binaryproto --images val --ground-truth "
    "val/val.txt\n";

}  // namespace

void add_eval(CLI::App& program) {
  CLI::App& command =
      *program.add_subcommand("eval", "Count how many labelled images a network gets right");
  auto options = std::make_shared<EvalOptions>();
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
                  "Mean image (binaryproto); - or nothing for none")
      ->type_name("FILE");
  command.add_option("--images", options->folder, "Folder of the images")
      ->type_name("DIR")
      ->required();
  command
      .add_option("--ground-truth", options->ground_truth,
                  "Lines of file name and class index, counted from 0")
      ->type_name("FILE")
      ->required();
  command.add_option("--batch", options->batch, "Images a batch (1)")->type_name("N");
  command.add_flag("--json", options->json, "Print JSON instead of text");
  add_classifier_options(command, options->classifier);
  command.callback([options, &command] { eval(command, *options); });
}

}  // namespace kissa::tools
