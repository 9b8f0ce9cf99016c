#include "import/caffe/network_file.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <fstream>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/near_match.h"

namespace kissa::caffe {
namespace {

namespace pb = google::protobuf;

// The largest network of the zoo has 0.3 MiB of text.
constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20;
// The schema nests five deep.
constexpr int kMaxNesting = 32;

std::string read_text(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    fail(ErrorCode::kInvalidFile, "{}: cannot be opened: {}", path,
         std::generic_category().message(errno));
  std::string text;
  std::vector<char> chunk(1 << 16);
  while (stream.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) ||
         stream.gcount() > 0) {
    text.append(chunk.data(), static_cast<std::size_t>(stream.gcount()));
    if (text.size() > kMaxTextBytes)
      fail(ErrorCode::kInvalidFile, "{}: is larger than 64 MiB: this is no network definition",
           path);
  }
  if (stream.bad()) fail(ErrorCode::kInvalidFile, "{}: cannot be read", path);
  return text;
}

// The text between the i-th pair of double quotes, or nothing.
std::string_view quoted(std::string_view message, int index) {
  for (std::size_t begin = message.find('"'); begin != message.npos;) {
    const std::size_t end = message.find('"', begin + 1);
    if (end == message.npos) return {};
    if (index-- == 0) return message.substr(begin + 1, end - begin - 1);
    begin = message.find('"', end + 1);
  }
  return {};
}

std::vector<std::string_view> field_names(const pb::Descriptor& message) {
  std::vector<std::string_view> names;
  for (int i = 0; i < message.field_count(); ++i) names.push_back(message.field(i)->name());
  return names;
}

// All values of the enums that fields of this name have.
std::vector<std::string_view> enum_values(std::string_view field_name) {
  std::set<const pb::EnumDescriptor*> enums;
  const pb::FileDescriptor& schema = *NetParameter::descriptor()->file();
  for (int m = 0; m < schema.message_type_count(); ++m) {
    const auto* field = schema.message_type(m)->FindFieldByName(std::string(field_name));
    if (field != nullptr && field->enum_type() != nullptr) enums.insert(field->enum_type());
  }
  std::vector<std::string_view> names;
  for (const pb::EnumDescriptor* values : enums)
    for (int i = 0; i < values->value_count(); ++i) names.push_back(values->value(i)->name());
  return names;
}

// Protobuf's message in our words where a name is wrong, with a suggestion.
std::string explain(const std::string& message) {
  if (message.find("has no field named") != message.npos) {
    const std::string type(quoted(message, 0));
    const std::string_view field = quoted(message, 1);
    const auto* descriptor =
        NetParameter::descriptor()->file()->pool()->FindMessageTypeByName(type);
    if (descriptor != nullptr)
      return fmt::format("{} has no field '{}'{}", descriptor->name(), field,
                         did_you_mean(field, field_names(*descriptor)));
  }
  if (message.rfind("Unknown enumeration value", 0) == 0) {
    const std::string_view value = quoted(message, 0), field = quoted(message, 1);
    return fmt::format("unknown value '{}' for '{}'{}", value, field,
                       did_you_mean(value, enum_values(field)));
  }
  const bool at_end = message.size() > 2 && message.compare(message.size() - 2, 2, ": ") == 0;
  return at_end ? message + "the end of the file" : message;
}

class FirstError : public pb::io::ErrorCollector {
 public:
  explicit FirstError(const std::string& path) : path_(path) {}

  void AddError(int line, int column, const std::string& message) override {
    if (!text_.empty()) return;
    text_ = line < 0 ? fmt::format("{}: {}", path_, message)
                     : fmt::format("{}:{}:{}: {}", path_, line + 1, column + 1, explain(message));
  }
  void AddWarning(int, int, const std::string&) override {}

  const std::string& text() const { return text_; }

 private:
  const std::string& path_;
  std::string text_;
};

int line_of(const pb::TextFormat::ParseInfoTree& tree, const char* field, int index) {
  const auto* descriptor = NetParameter::descriptor()->FindFieldByName(field);
  return tree.GetLocation(descriptor, index).line + 1;
}

}  // namespace

NetworkFile parse_network(const std::string& text, std::string path) {
  NetworkFile file;
  file.path = std::move(path);
  FirstError error(file.path);
  pb::TextFormat::ParseInfoTree tree;
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(&tree);
  parser.SetRecursionLimit(kMaxNesting);
  if (!parser.ParseFromString(text, &file.net)) fail(ErrorCode::kInvalidFile, "{}", error.text());

  const char* field = file.net.layers_size() > 0 ? "layers" : "layer";
  for (int i = 0; i < std::max(file.net.layer_size(), file.net.layers_size()); ++i)
    file.lines.push_back(line_of(tree, field, i));
  if (file.net.input_size() > 0) file.input_line = line_of(tree, "input", 0);
  return file;
}

NetworkFile read_network_file(const std::string& path) {
  return parse_network(read_text(path), path);
}

}  // namespace kissa::caffe
