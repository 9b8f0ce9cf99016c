#include "image.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "kissa/kissa.h"
#include "options.h"

namespace kissa::tools {
namespace {

cv::Mat convert_channels(const cv::Mat& image, int channels) {
  if (image.channels() == channels) return image;
  cv::Mat converted;
  if (channels == 1 && image.channels() == 3) {
    cv::cvtColor(image, converted, cv::COLOR_BGR2GRAY);
  } else if (channels == 1 && image.channels() == 4) {
    cv::cvtColor(image, converted, cv::COLOR_BGRA2GRAY);
  } else if (channels == 3 && image.channels() == 4) {
    cv::cvtColor(image, converted, cv::COLOR_BGRA2BGR);
  } else if (channels == 3 && image.channels() == 1) {
    cv::cvtColor(image, converted, cv::COLOR_GRAY2BGR);
  } else {
    fail(ErrorCode::kInvalidFile, "an image of {} channels does not suit an input of {}",
         image.channels(), channels);
  }
  return converted;
}

cv::Mat crop_centre(const cv::Mat& image, cv::Size size) {
  return image(
      {(image.cols - size.width) / 2, (image.rows - size.height) / 2, size.width, size.height});
}

cv::Mat resize(const cv::Mat& image, cv::Size size) {
  if (image.size() == size) return image;
  cv::Mat resized;
  cv::resize(image, resized, size);
  return resized;
}

// The mean image of a BlobProto (C x H x W, or 1 x C x H x W) as one float matrix.
cv::Mat read_mean_image(const std::string& path, int channels) {
  Blob blob = load_caffe_blob(path);
  const std::size_t rank = blob.dims.size();
  const bool is_image = rank == 3 || (rank == 4 && blob.dims[0] == 1);
  if (!is_image || blob.data.empty() || blob.dims[rank - 3] != channels)
    fail(ErrorCode::kInvalidFile, "{}: the mean has the shape {}; the network's input needs {}xHxW",
         path, to_string(blob.dims), channels);
  const auto height = static_cast<int>(blob.dims[rank - 2]);
  const auto width = static_cast<int>(blob.dims[rank - 1]);
  std::vector<cv::Mat> planes;
  float* plane = blob.data.data();
  for (int c = 0; c < channels; ++c, plane += std::ptrdiff_t{height} * width)
    planes.emplace_back(height, width, CV_32FC1, plane);
  cv::Mat mean;
  cv::merge(planes, mean);
  return mean;
}

cv::Mat make_mean(const PreprocessOptions& options, int channels, cv::Size size) {
  const int type = CV_MAKETYPE(CV_32F, channels);
  if (!options.mean_values.empty()) {
    const std::vector<float>& values = options.mean_values;
    if (values.size() != 1 && values.size() != static_cast<std::size_t>(channels))
      fail(ErrorCode::kInvalidArgument,
           "--mean-values gives {} values; this network's input takes {}", values.size(), channels);
    cv::Scalar mean;
    for (int c = 0; c < channels; ++c)
      mean[c] = values[values.size() == 1 ? 0 : static_cast<std::size_t>(c)];
    return {size, type, mean};
  }
  if (is_none(options.mean_file)) return {};
  const cv::Mat image = read_mean_image(options.mean_file, channels);
  if (options.mean_mode == MeanMode::kChannel) return {size, type, cv::mean(image)};
  if (image.cols >= size.width && image.rows >= size.height)
    return crop_centre(image, size).clone();
  return resize(image, size);
}

void check_options(const PreprocessOptions& options) {
  const auto is_finite = [](float value) { return std::isfinite(value); };
  if (options.resize && *options.resize < 1)
    fail(ErrorCode::kInvalidArgument, "--resize {}: give 1 or more", *options.resize);
  if (options.crop && *options.crop < 1)
    fail(ErrorCode::kInvalidArgument, "--crop {}: give 1 or more", *options.crop);
  if (options.crop && options.resize && *options.crop > *options.resize)
    fail(ErrorCode::kInvalidArgument, "--crop {} is larger than --resize {}", *options.crop,
         *options.resize);
  if (!is_finite(options.scale) ||
      !std::all_of(options.mean_values.begin(), options.mean_values.end(), is_finite))
    fail(ErrorCode::kInvalidArgument, "--scale and --mean-values take finite numbers");
  if (options.mean_mode == MeanMode::kPixel &&
      (!options.mean_values.empty() || is_none(options.mean_file)))
    fail(ErrorCode::kInvalidArgument, "--mean-mode pixel needs a mean file, without --mean-values");
}

}  // namespace

void add_mean_option(CLI::App& command, PreprocessOptions& options) {
  command.add_option("--mean", options.mean_file, "Mean image (binaryproto)")->type_name("FILE");
}

void add_preprocess_options(CLI::App& command, PreprocessOptions& options) {
  command
      .add_option("--resize", options.resize,
                  "Resize the whole image to NxN first (default: straight to the network's input)")
      ->type_name("N");
  command
      .add_option("--crop", options.crop,
                  "Then crop the centre NxN; what still differs from the input's size is resized")
      ->type_name("N");
  command
      .add_option("--mean-values", options.mean_values,
                  "Values to subtract, in place of the mean file; in BGR order, also with --rgb")
      ->type_name("B,G,R")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      .add_option_function<std::string>(
          "--mean-mode",
          [&options](const std::string& mode) {
            options.mean_mode = mode == "pixel" ? MeanMode::kPixel : MeanMode::kChannel;
          },
          "channel (default): subtract one value a channel, the mean of the mean file's plane; "
          "pixel: subtract the mean image itself, centre-cropped where it is larger than the "
          "input, resized where it is smaller")
      ->type_name("MODE")
      ->check(CLI::IsMember({"channel", "pixel"}));
  command.add_option("--scale", options.scale, "Multiply by this after the mean is subtracted (1)")
      ->type_name("S");
  command.add_flag("--rgb", options.rgb, "Give the network RGB planes instead of BGR");
}

Preprocessor::Preprocessor(const PreprocessOptions& options, int channels, int height, int width)
    : options_(options), channels_(channels), size_(width, height) {
  check_options(options);
  // OpenCV's own threads would compete with the engine's.
  cv::setNumThreads(1);
  mean_ = make_mean(options, channels, size_);
}

cv::Mat Preprocessor::to_input_size(const cv::Mat& image) const {
  cv::Mat sample = options_.resize ? resize(image, {*options_.resize, *options_.resize}) : image;
  if (options_.crop) {
    const int crop = *options_.crop;
    if (sample.cols < crop || sample.rows < crop)
      fail(ErrorCode::kInvalidFile, "the image ({}x{}) is smaller than --crop {}; add --resize",
           sample.cols, sample.rows, crop);
    sample = crop_centre(sample, {crop, crop});
  }
  return resize(sample, size_);
}

void Preprocessor::run(const cv::Mat& image, std::span<float> planes) const try {
  KISSA_CHECK(planes.size() ==
              static_cast<std::size_t>(channels_) * static_cast<std::size_t>(size_.area()));
  cv::Mat sample;
  to_input_size(convert_channels(image, channels_)).convertTo(sample, CV_32F);
  if (!mean_.empty()) sample -= mean_;
  if (options_.scale != 1) sample *= options_.scale;
  std::vector<cv::Mat> views;
  float* plane = planes.data();
  for (int c = 0; c < channels_; ++c, plane += size_.area())
    views.emplace_back(size_, CV_32FC1, plane);
  if (options_.rgb) std::reverse(views.begin(), views.end());
  cv::split(sample, views);
} catch (const cv::Exception& error) {
  fail(ErrorCode::kInvalidFile, "the image cannot be converted: {}", error.err);
}

}  // namespace kissa::tools
