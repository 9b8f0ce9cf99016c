// Images as Caffe's own programs read and prepare them.
#pragma once

#include <CLI/CLI.hpp>
#include <opencv2/core.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kissa::tools {

// Files stay as they are; a folder gives its image files (by extension), sorted by name.
std::vector<std::string> list_images(const std::vector<std::string>& paths);

// Decodes a file without any conversion: 1, 3 (BGR) or 4 (BGRA) channels, whatever depth it has.
// What the decoder complains about is logged as a warning.
cv::Mat load_image(const std::string& path);

enum class MeanMode {
  kChannel,  // one value a channel: the mean of the mean image's plane, as in Caffe's programs
  kPixel,    // the mean image itself
};

struct PreprocessOptions {
  std::string mean_file{};           // a BlobProto; empty or "-": none
  std::vector<float> mean_values{};  // BGR, or one for all; in place of the mean file
  MeanMode mean_mode = MeanMode::kChannel;
  std::optional<int> resize{};
  std::optional<int> crop{};
  float scale = 1;
  bool rgb = false;
};
// For the programs in which the mean file is not an argument of its own.
void add_mean_option(CLI::App& command, PreprocessOptions& options);
void add_preprocess_options(CLI::App& command, PreprocessOptions& options);

// Turns images into the planes that a network takes. In this order: channels to the network's;
// resize to a square; crop its centre; bilinear resize to the network's input where the size
// differs; float; subtract the mean; scale; BGR or RGB planes.
class Preprocessor {
 public:
  // `channels` is 1 or 3. Reads the mean file.
  Preprocessor(const PreprocessOptions& options, int channels, int height, int width);

  // `planes` holds channels x height x width floats. Throws kInvalidFile where the image does not
  // suit the options.
  void run(const cv::Mat& image, std::span<float> planes) const;

 private:
  cv::Mat to_input_size(const cv::Mat& image) const;

  PreprocessOptions options_;
  int channels_;
  cv::Size size_;
  cv::Mat mean_;  // of the input's size and channels; empty: none
};

}  // namespace kissa::tools
