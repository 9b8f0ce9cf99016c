// Detectors: SSD's layers, and those of the R-CNN family.
#include <regex>

#include "base/error.h"
#include "import/caffe/layers.h"

namespace kissa::caffe {
namespace {

BoxCode to_code(PriorBoxParameter::CodeType code) {
  switch (code) {
    case PriorBoxParameter::CORNER: return BoxCode::kCorner;
    case PriorBoxParameter::CENTER_SIZE: return BoxCode::kCenterSize;
    case PriorBoxParameter::CORNER_SIZE: return BoxCode::kCornerSize;
  }
  return BoxCode::kCorner;
}

template <class Numbers>
std::vector<float> floats(const Numbers& numbers) {
  return {numbers.begin(), numbers.end()};
}

// The numbers that a Python dictionary's text gives for a key, one or a list; nothing where it has
// no such key.
std::vector<float> numbers_of(const std::string& text, const std::string& key) {
  // Far more than any layer's parameters; keeps the search short.
  constexpr std::size_t kMaxText = 4096;
  if (text.size() > kMaxText)
    fail(ErrorCode::kInvalidModel, "a param_str of {} bytes is too long", text.size());
  std::size_t at = text.find("'" + key + "'");
  if (at == std::string::npos) at = text.find('"' + key + '"');
  if (at == std::string::npos) return {};
  at = text.find(':', at);
  if (at == std::string::npos) return {};
  const std::size_t begin = text.find_first_not_of(" \t\n", at + 1);
  if (begin == std::string::npos) return {};
  const bool is_list = text[begin] == '[' || text[begin] == '(';
  const std::size_t end = text.find_first_of(is_list ? "])" : ",}", begin);
  const std::string value = text.substr(begin, end == std::string::npos ? end : end - begin);
  static const std::regex kNumber("[-+]?[0-9]*\\.?[0-9]+([eE][-+]?[0-9]+)?");
  std::vector<float> numbers;
  for (std::sregex_iterator it(value.begin(), value.end(), kNumber), none; it != none; ++it)
    numbers.push_back(std::strtof(it->str().c_str(), nullptr));
  return numbers;
}

}  // namespace

void import_normalize(Layer& layer) {
  const NormalizeParameter& param = layer.spec().norm_param();
  Normalize op;
  op.across_spatial = param.across_spatial();
  op.channel_shared = param.channel_shared();
  op.eps = param.eps();
  layer.add(op);
}

void import_prior_box(Layer& layer) {
  const PriorBoxParameter& param = layer.spec().prior_box_param();
  PriorBox op;
  op.min_sizes = floats(param.min_size());
  op.max_sizes = floats(param.max_size());
  op.aspect_ratios = floats(param.aspect_ratio());
  op.flip = param.flip();
  op.clip = param.clip();
  op.offset = param.offset();
  if (param.variance_size() > 0) op.variances = floats(param.variance());
  const bool has_image_hw = param.has_img_h() || param.has_img_w();
  if (param.has_img_size() && has_image_hw)
    fail(ErrorCode::kInvalidModel, "has both img_size and img_h or img_w; only one is allowed");
  if (param.has_img_size()) op.image = {param.img_size(), param.img_size()};
  if (has_image_hw) op.image = {param.img_h(), param.img_w()};
  const bool has_step_hw = param.has_step_h() || param.has_step_w();
  if (param.has_step() && has_step_hw)
    fail(ErrorCode::kInvalidModel, "has both step and step_h or step_w; only one is allowed");
  if (param.has_step()) op.step = {param.step(), param.step()};
  if (has_step_hw) op.step = {param.step_h(), param.step_w()};
  layer.add(op);
}

void import_detection_output(Layer& layer) {
  const DetectionOutputParameter& param = layer.spec().detection_output_param();
  if (!param.has_num_classes()) fail(ErrorCode::kInvalidModel, "num_classes is missing");
  if (layer.bottoms() != 3)
    fail(ErrorCode::kUnsupported,
         "takes locations, confidences and boxes; of {} bottoms only the first three are known",
         layer.bottoms());
  DetectionOutput op;
  op.num_classes = param.num_classes();
  op.share_location = param.share_location();
  op.background_label = param.background_label_id();
  op.nms_threshold = param.nms_param().nms_threshold();
  op.nms_eta = param.nms_param().eta();
  if (param.nms_param().has_top_k()) op.nms_top_k = param.nms_param().top_k();
  op.keep_top_k = param.keep_top_k();
  op.code = to_code(param.code_type());
  op.variance_in_target = param.variance_encoded_in_target();
  if (param.has_confidence_threshold()) op.confidence_threshold = param.confidence_threshold();
  layer.add(op);
}

void import_proposal(Layer& layer) {
  const ProposalParameter& param = layer.spec().proposal_param();
  Proposal op;
  op.feat_stride = param.feat_stride();
  op.base_size = param.base_size();
  op.min_size = static_cast<float>(param.min_size());
  if (param.ratio_size() > 0) op.ratios = floats(param.ratio());
  if (param.scale_size() > 0) op.scales = floats(param.scale());
  op.pre_nms_top_n = param.pre_nms_topn();
  op.post_nms_top_n = param.post_nms_topn();
  op.nms_threshold = param.nms_thresh();
  op.with_scores = layer.tops() == 2;
  layer.add(op);
}

// py-faster-rcnn's own, with the numbers of its TEST configuration.
void import_python_proposal(Layer& layer) {
  const std::string& text = layer.spec().python_param().param_str();
  Proposal op;
  const auto read_one = [&](const char* key, std::int64_t& value) {
    if (const auto numbers = numbers_of(text, key); !numbers.empty())
      value = static_cast<std::int64_t>(std::max(0.0f, std::min(numbers[0], 1e9f)));
  };
  read_one("feat_stride", op.feat_stride);
  if (auto ratios = numbers_of(text, "ratios"); !ratios.empty()) op.ratios = std::move(ratios);
  if (auto scales = numbers_of(text, "scales"); !scales.empty()) op.scales = std::move(scales);
  op.with_scores = layer.tops() == 2;
  layer.add(op);
}

void import_roi_pooling(Layer& layer) {
  const ROIPoolingParameter& param = layer.spec().roi_pooling_param();
  RoiPooling op;
  op.pooled_h = param.pooled_h();
  op.pooled_w = param.pooled_w();
  op.spatial_scale = param.spatial_scale();
  layer.add(op);
}

void import_psroi_pooling(Layer& layer) {
  const PSROIPoolingParameter& param = layer.spec().psroi_pooling_param();
  PsRoiPooling op;
  op.output_dim = param.output_dim();
  op.group_size = param.group_size();
  op.spatial_scale = param.spatial_scale();
  layer.add(op);
}

}  // namespace kissa::caffe
