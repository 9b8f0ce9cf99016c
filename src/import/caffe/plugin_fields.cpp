#include "import/caffe/plugin_fields.h"

#include <algorithm>
#include <string_view>

#include "ops/custom.h"

namespace kissa::caffe {
namespace {

// Messages that only training, data layers or the evaluation of results read.
constexpr std::string_view kUnread[] = {
    "annotated_data_param",
    "center_loss_param",
    "dense_image_data_param",
    "detection_evaluate_param",
    "detectnet_augmentation_param",
    "detectnet_groundtruth_param",
    "distort_param",
    "emit_constraint",
    "eval_detection_param",
    "expand_param",
    "focal_loss_param",
    "margin_inner_product_param",
    "multibox_loss_param",
    "noise_param",
    "quantization_param",
    "save_output_param",
    "selu_dropout_param",
    "smooth_l1_loss_param",
    "video_data_param",
    "yolov3_detection_output_param",
    "yolov3_param",
};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Walks a text; knows comments and strings.
class Scanner {
 public:
  explicit Scanner(const std::string& text) : text_(text) {}

  bool at_end() const { return at_ >= text_.size(); }
  std::size_t place() const { return at_; }
  void go_to(std::size_t place) { at_ = place; }

  // Over one comment, string, word or other letter; a word is returned.
  std::string_view next() {
    const char c = text_[at_];
    if (c == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (c == '"' || c == '\'') {
      skip_string(c);
    } else if (is_letter(c)) {
      const std::size_t begin = at_;
      while (!at_end() && is_letter(text_[at_])) ++at_;
      return std::string_view(text_).substr(begin, at_ - begin);
    } else {
      ++at_;
    }
    return {};
  }

  // Over `: {`, or `{`, or `<`, and all up to the brace that closes it. False where there is none:
  // then the place means nothing.
  bool skip_message() {
    skip_blanks();
    if (!at_end() && text_[at_] == ':') ++at_;
    skip_blanks();
    if (at_end() || (text_[at_] != '{' && text_[at_] != '<')) return false;
    const char open = text_[at_], close = open == '{' ? '}' : '>';
    body_ = ++at_;
    for (int depth = 1; !at_end();) {
      const char c = text_[at_];
      if (c == open) ++depth;
      if (c == close && --depth == 0) {
        body_end_ = at_++;
        return true;
      }
      next();
    }
    return false;
  }

  // What skip_message() went over, without its braces.
  std::string body() const { return text_.substr(body_, body_end_ - body_); }

 private:
  void skip_blanks() {
    while (!at_end() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  void skip_string(char quote) {
    for (++at_; !at_end() && text_[at_] != quote && text_[at_] != '\n'; ++at_)
      if (text_[at_] == '\\') ++at_;
    at_ = std::min(at_ + 1, text_.size());
  }

  const std::string& text_;
  std::size_t at_ = 0;
  std::size_t body_ = 0;
  std::size_t body_end_ = 0;
};

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n')
      result += "\\n";
    else if (c == '"' || c == '\\')
      result += std::string("\\") + c;
    else
      result += c;
  }
  return result;
}

bool is_unread(std::string_view word) {
  return std::find(std::begin(kUnread), std::end(kUnread), word) != std::end(kUnread);
}

}  // namespace

std::string hide_unknown_fields(const std::string& text) {
  const auto types = custom_types();
  const auto is_custom = [&](std::string_view word) {
    return std::any_of(types.begin(), types.end(), [&](const plugin::LayerType* type) {
      return type->field != nullptr && word == type->field;
    });
  };
  std::string result;
  std::size_t copied = 0;
  Scanner scanner(text);
  while (!scanner.at_end()) {
    const std::size_t begin = scanner.place();
    const std::string_view word = scanner.next();
    const bool custom = !word.empty() && is_custom(word);
    if (!custom && !is_unread(word)) continue;
    const std::size_t behind_word = scanner.place();
    if (!scanner.skip_message()) {
      scanner.go_to(behind_word);
      continue;
    }
    result += text.substr(copied, begin - copied);
    copied = scanner.place();
    if (custom) result += "custom_param: \"" + escaped(scanner.body()) + '"';
    const std::string_view hidden = std::string_view(text).substr(begin, copied - begin);
    result.append(static_cast<std::size_t>(std::count(hidden.begin(), hidden.end(), '\n')), '\n');
  }
  return result + text.substr(std::min(copied, text.size()));
}

}  // namespace kissa::caffe
