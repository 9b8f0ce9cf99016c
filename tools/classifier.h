// A classification network of one input and one output, fed with images.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "image.h"
#include "kissa/kissa.h"
#include "options.h"

namespace kissa::tools {

struct ClassifierOptions {
  NetworkOptions network;
  EngineOptions engine;
  PreprocessOptions preprocess;
};
// Everything but the positional arguments.
void add_classifier_options(CLI::App& command, ClassifierOptions& options);

class Classifier {
 public:
  // `batch`: 1 unless given; that of a plan file is settled. Throws kInvalidArgument unless it is 1
  // or more, and kInvalidModel unless the network takes one image of 1 or 3 channels a slot and
  // gives one row of scores for each.
  Classifier(const CLI::App& command, const ClassifierOptions& options,
             std::optional<std::int64_t> batch);

  std::size_t batch() const { return batch_; }
  std::size_t classes() const { return classes_; }

  // Reads and prepares an image for one slot of the batch.
  void load(const std::string& path, std::size_t slot);
  // Copies the first slot's image to all others.
  void fill_slots();
  void run() { context_.run(); }
  // The scores of one slot, valid until the next run.
  std::span<const float> scores(std::size_t slot) const;

 private:
  Classifier(Engine engine, const PreprocessOptions& options);

  std::span<float> slot_planes(std::size_t slot);

  Engine engine_;
  Context context_;
  std::string input_;
  std::string output_;
  std::size_t batch_;
  std::size_t classes_;
  Preprocessor preprocessor_;
};

}  // namespace kissa::tools
