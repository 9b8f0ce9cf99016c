// kissa detect: boxes from networks that end in SSD's DetectionOutput, or in scores and moves of
// Faster R-CNN's proposals.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/file.h"
#include "commands.h"
#include "detections.h"
#include "image.h"
#include "labels.h"
#include "options.h"

namespace kissa::tools {
namespace {

using Json = nlohmann::ordered_json;

struct DetectOptions {
  NetworkOptions network;
  EngineOptions engine;
  PreprocessOptions preprocess;
  std::string image;
  std::string labels;
  std::string drawing;
  float threshold = 0.5f;
  float overlap = 0.3f;
  bool json = false;
};

// A network that takes images, and what it gives for them.
struct Detector {
  Engine engine;
  Context context;
  DetectorOutputs outputs;
  TensorInfo input;
};

const TensorInfo& image_input(const std::vector<TensorInfo>& inputs) {
  const auto is_image = [](const TensorInfo& input) {
    return input.dims.size() == 4 && input.dims[0] == 1 &&
           (input.dims[1] == 1 || input.dims[1] == 3);
  };
  const auto it = std::find_if(inputs.begin(), inputs.end(), is_image);
  if (it == inputs.end())
    fail(ErrorCode::kInvalidModel,
         "has no input for an image, 1x1xHxW or 1x3xHxW; --shape may give it one");
  return *it;
}

Detector make_detector(const DetectOptions& options) {
  const Model model = load_network(options.network, std::nullopt);
  const DetectorOutputs outputs = find_detector_outputs(model);
  const TensorInfo input = image_input(model.inputs());
  EngineOptions engine_options = options.engine;
  engine_options.fetch = outputs.all();
  Engine engine = build_engine(model, engine_options);
  Context context = engine.create_context();
  return {std::move(engine), std::move(context), outputs, input};
}

// Faster R-CNN asks for height, width and scale of the image; it sees it as it is stretched here.
void fill_image_info(Detector& detector) {
  for (const TensorInfo& info : detector.engine.inputs()) {
    if (info.name == detector.input.name) continue;
    const std::span<float> values = detector.context.input(info.name);
    if (values.size() < 3 || info.dims.size() != 2)
      fail(ErrorCode::kInvalidModel, "input '{}' ({}) is neither an image nor its size", info.name,
           to_string(info.dims));
    std::fill(values.begin(), values.end(), 1.0f);
    values[0] = static_cast<float>(detector.input.dims[2]);
    values[1] = static_cast<float>(detector.input.dims[3]);
  }
}

std::vector<Detection> detect_in(Detector& detector, const DetectOptions& options,
                                 const cv::Mat& image) {
  const auto channels = static_cast<int>(detector.input.dims[1]);
  const auto height = static_cast<int>(detector.input.dims[2]);
  const auto width = static_cast<int>(detector.input.dims[3]);
  const Preprocessor preprocessor(options.preprocess, channels, height, width);
  preprocessor.run(image, detector.context.input(detector.input.name));
  fill_image_info(detector);
  detector.context.run();
  const Context& context = detector.context;
  const auto tensor = [&](const std::string& name) {
    return OutputTensor{context.output(name), context.output_dims(name)};
  };
  std::vector<Detection> found;
  if (detector.outputs.is_ssd())
    found = ssd_detections(tensor(detector.outputs.boxes));
  else
    found = proposal_detections(tensor(detector.outputs.regions), tensor(detector.outputs.scores),
                                tensor(detector.outputs.boxes), {height, width}, options.overlap);
  std::erase_if(found, [&](const Detection& one) { return !(one.score >= options.threshold); });
  std::stable_sort(found.begin(), found.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
  return found;
}

std::string name_of(const Detection& found, const std::vector<std::string>& labels) {
  const auto label = static_cast<std::size_t>(std::max(0, found.label));
  return label < labels.size() ? labels[label] : fmt::format("class {}", found.label);
}

// In pixels of the image, rounded, inside it.
cv::Rect pixels_of(const Detection& found, const cv::Mat& image) {
  const auto pixel = [](float part, int extent) {
    const float at = std::round(part * static_cast<float>(extent));
    return static_cast<int>(std::max(0.0f, std::min(at, static_cast<float>(extent))));
  };
  const int left = pixel(found.xmin, image.cols), top = pixel(found.ymin, image.rows);
  return {left, top, std::max(0, pixel(found.xmax, image.cols) - left),
          std::max(0, pixel(found.ymax, image.rows) - top)};
}

void print_text(const std::vector<Detection>& found, const std::vector<std::string>& labels,
                const cv::Mat& image) {
  for (const Detection& one : found) {
    const cv::Rect box = pixels_of(one, image);
    fmt::print("{:.4f} - \"{}\" {} {} {} {}\n", one.score, name_of(one, labels), box.x, box.y,
               box.x + box.width, box.y + box.height);
  }
}

void print_json(const std::string& path, const std::vector<Detection>& found,
                const std::vector<std::string>& labels, const cv::Mat& image) {
  Json list = Json::array();
  for (const Detection& one : found) {
    const cv::Rect box = pixels_of(one, image);
    list.push_back({{"class", one.label},
                    {"label", name_of(one, labels)},
                    {"score", one.score},
                    {"box", {box.x, box.y, box.x + box.width, box.y + box.height}}});
  }
  const Json document = {{"image", path},
                         {"width", image.cols},
                         {"height", image.rows},
                         {"detections", std::move(list)}};
  fmt::print("{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace));
}

cv::Mat for_drawing(const cv::Mat& image) {
  cv::Mat drawing;
  image.convertTo(drawing, CV_8U, image.depth() == CV_16U ? 1.0 / 256 : 1.0);
  if (drawing.channels() == 1) cv::cvtColor(drawing, drawing, cv::COLOR_GRAY2BGR);
  if (drawing.channels() == 4) cv::cvtColor(drawing, drawing, cv::COLOR_BGRA2BGR);
  return drawing;
}

void draw(const std::vector<Detection>& found, const std::vector<std::string>& labels,
          const cv::Mat& image, const std::string& path) {
  cv::Mat drawing = for_drawing(image);
  const int thickness = std::max(1, (image.cols + image.rows) / 600);
  const double size = 0.4 * thickness;
  const cv::Scalar green(0, 200, 0), black(0, 0, 0);
  for (const Detection& one : found) {
    const cv::Rect box = pixels_of(one, image);
    const std::string text = fmt::format("{} {:.2f}", name_of(one, labels), one.score);
    const cv::Size extent =
        cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, size, thickness, nullptr);
    const int bottom = std::max(box.y, extent.height + 2 * thickness);
    cv::rectangle(drawing, box, green, thickness);
    cv::rectangle(drawing,
                  {box.x, bottom - extent.height - 2 * thickness, extent.width,
                   extent.height + 2 * thickness},
                  green, cv::FILLED);
    cv::putText(drawing, text, {box.x, bottom - thickness}, cv::FONT_HERSHEY_SIMPLEX, size, black,
                thickness, cv::LINE_AA);
  }
  const std::size_t dot = path.find_last_of("./");
  if (dot == std::string::npos || path[dot] != '.' || !cv::haveImageWriter(path))
    fail(ErrorCode::kInvalidArgument, "{}: its name says no image format that can be written",
         path);
  std::vector<unsigned char> bytes;
  cv::imencode(path.substr(dot), drawing, bytes);
  PendingFile file(path);
  file.write(bytes.data(), bytes.size());
  file.keep();
}

void detect(const DetectOptions& options) {
  if (options.preprocess.resize || options.preprocess.crop)
    fail(ErrorCode::kInvalidArgument,
         "the whole image is stretched to the network's input: --resize and --crop make no sense");
  const cv::Mat image = load_image(options.image);
  const std::vector<std::string> labels =
      is_none(options.labels) ? std::vector<std::string>() : read_labels(options.labels);
  Detector detector = make_detector(options);
  const std::vector<Detection> found = detect_in(detector, options, image);
  if (!options.drawing.empty()) draw(found, labels, image, options.drawing);
  if (options.json)
    print_json(options.image, found, labels, image);
  else
    print_text(found, labels, image);
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa detect deploy.prototxt face.caffemodel group.jpg --mean-values 104,177,123 \\\n"
    "      --threshold 0.5 --draw faces.png\n"
    "A line a box: score - \"label\" left top right bottom, in pixels of the image.\n";

}  // namespace

void add_detect(CLI::App& program) {
  CLI::App& command = *program.add_subcommand("detect", "Find boxes in an image");
  auto options = std::make_shared<DetectOptions>();
  command.footer(kExamples);
  command.add_option("net", options->network.prototxt, "Network definition (prototxt)")
      ->type_name("FILE")
      ->required();
  command.add_option("weights", options->network.weights, "Weights (caffemodel); - for none")
      ->type_name("FILE")
      ->required();
  command.add_option("image", options->image, "Image to search")->type_name("FILE")->required();
  command
      .add_option("--labels", options->labels,
                  "Names of the classes, one a line, from class 0 on (the background, mostly)")
      ->type_name("FILE");
  add_mean_option(command, options->preprocess);
  command.add_option("--threshold", options->threshold, "Least score of a box (0.5)")
      ->type_name("S");
  command
      .add_option(
          "--overlap", options->overlap,
          "With proposals: a box that overlaps a better one of its class by more is dropped "
          "(0.3)")
      ->type_name("IOU");
  command
      .add_option("--draw", options->drawing,
                  "Write the image with its boxes to this file; the name's ending says the format")
      ->type_name("FILE");
  command.add_flag("--json", options->json, "Print JSON instead of text");
  add_preprocess_options(command, options->preprocess);
  add_random_weights(command, options->network);
  add_network_rules(command, options->network);
  add_engine_options(command, options->engine);
  command.callback([options] { detect(*options); });
}

}  // namespace kissa::tools
