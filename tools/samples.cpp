#include "samples.h"

#include <random>

#include "base/error.h"

namespace kissa::tools {

void add_sample_options(CLI::App& command, SampleOptions& options) {
#ifdef KISSA_HAS_IMAGES
  command
      .add_option("--images", options.images,
                  "Images or folders of images to run on, in place of random inputs")
      ->type_name("PATH");
  add_mean_option(command, options.preprocess);
  add_preprocess_options(command, options.preprocess);
#endif
  command
      .add_option("--random-inputs", options.random, "How many random inputs, without images (1)")
      ->type_name("N")
      ->check(CLI::Range(1, 100000));
}

Samples::Samples(const SampleOptions& options, const std::vector<TensorInfo>& inputs)
    : inputs_(inputs) {
#ifdef KISSA_HAS_IMAGES
  if (!options.images.empty()) {
    const Dims dims = inputs.empty() ? Dims{} : inputs.front().dims;
    if (inputs.size() != 1 || dims.size() != 4 || (dims[1] != 1 && dims[1] != 3))
      fail(ErrorCode::kInvalidModel,
           "--images: the network takes no images: it has no single input of 1 or 3 channels");
    names_ = list_images(options.images);
    preprocessor_.emplace(options.preprocess, static_cast<int>(dims[1]), static_cast<int>(dims[2]),
                          static_cast<int>(dims[3]));
  }
#endif
  for (std::int64_t i = 0; options.images.empty() && i < options.random; ++i)
    names_.push_back(fmt::format("random {}", i + 1));
}

void Samples::fill(std::size_t i, Context& context) const {
#ifdef KISSA_HAS_IMAGES
  if (preprocessor_) {
    const cv::Mat image = load_image(names_[i]);
    with_context([&] { return names_[i]; },
                 [&] { preprocessor_->run(image, context.input(inputs_.front().name)); });
    return;
  }
#endif
  std::mt19937 generator(static_cast<std::uint32_t>(i + 1));
  // Of the size of pixels less their mean.
  std::normal_distribution<float> value(0.0f, 50.0f);
  for (const TensorInfo& info : inputs_)
    for (float& x : context.input(info.name)) x = value(generator);
}

}  // namespace kissa::tools
