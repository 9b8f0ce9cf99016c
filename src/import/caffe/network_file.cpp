#include "import/caffe/network_file.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <system_error>

#include "base/error.h"
#include "base/near_match.h"
#include "import/caffe/layers.h"
#include "import/caffe/plugin_fields.h"

namespace kissa::caffe {
namespace {

namespace pb = google::protobuf;

// The largest network of the zoo has 0.3 MiB of text.
constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20;
// The schema nests five deep.
constexpr int kMaxNesting = 32;

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

std::string_view without_suffix(std::string_view name, std::string_view suffix) {
  if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
  return name;
}

std::string suggest_field(std::string_view name, const pb::Descriptor& message) {
  // The ending that most of a layer's fields share would make all of them look alike.
  constexpr std::string_view kSuffix = "_param";
  const bool has_suffix = name.ends_with(kSuffix);
  std::vector<std::string_view> names;
  for (int i = 0; i < message.field_count(); ++i)
    if (std::string_view(message.field(i)->name()).ends_with(kSuffix) == has_suffix)
      names.push_back(without_suffix(message.field(i)->name(), kSuffix));
  std::string text = did_you_mean(without_suffix(name, kSuffix), std::move(names));
  if (has_suffix && !text.empty()) text.insert(text.rfind('\''), kSuffix);
  return text;
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

// The first complaint of the parser. Lines and columns count from 0; a line of -1 means the whole.
struct Complaint : pb::io::ErrorCollector {
  void AddError(int error_line, int error_column, const std::string& error) override {
    if (!message.empty()) return;
    line = error_line;
    column = error_column;
    message = error;
  }
  void AddWarning(int, int, const std::string&) override {}

  // The message that has no such field, where that is the complaint.
  const pb::Descriptor* lacks_field() const {
    if (message.find("has no field named") == message.npos) return nullptr;
    return NetParameter::descriptor()->file()->pool()->FindMessageTypeByName(
        std::string(quoted(message, 0)));
  }
  // In our words where a name is wrong, with a suggestion.
  std::string text() const {
    if (const pb::Descriptor* type = lacks_field()) {
      const std::string_view field = quoted(message, 1);
      return fmt::format("{} has no field '{}'{}", type->name(), field,
                         suggest_field(field, *type));
    }
    if (message.starts_with("Unknown enumeration value")) {
      const std::string_view value = quoted(message, 0), field = quoted(message, 1);
      return fmt::format("unknown value '{}' for '{}'{}", value, field,
                         did_you_mean(value, enum_values(field)));
    }
    return message.ends_with(": ") ? message + "the end of the file" : message;
  }

  int line = -1;
  int column = 0;
  std::string message;
};

bool parse(const std::string& text, bool allow_unknown_fields, Complaint& complaint,
           NetworkFile& file) {
  pb::TextFormat::ParseInfoTree tree;
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&complaint);
  parser.WriteLocationsTo(&tree);
  parser.SetRecursionLimit(kMaxNesting);
  parser.AllowUnknownField(allow_unknown_fields);
  const bool is_complete = parser.ParseFromString(text, &file.net);

  const auto line_of = [&](const char* field, int index) {
    return tree.GetLocation(NetParameter::descriptor()->FindFieldByName(field), index).line + 1;
  };
  const char* field = file.net.layers_size() > 0 ? "layers" : "layer";
  const int count = std::max(file.net.layer_size(), file.net.layers_size());
  for (int i = 0; i < count; ++i) file.lines.push_back(line_of(field, i));
  if (file.net.input_size() > 0) file.input_line = line_of("input", 0);
  return is_complete;
}

// A field that Caffe does not know mostly belongs to a layer type of a fork: then the type is what
// to complain of.
void fail_for_type(const std::string& text, const std::string& path, const Complaint& complaint) {
  if (complaint.lacks_field() != LayerParameter::descriptor()) return;
  NetworkFile file;
  file.path = path;
  Complaint ignored;
  parse(text, true, ignored, file);
  int at = -1;
  for (int i = 0; i < file.net.layer_size(); ++i)
    if (file.lines[static_cast<std::size_t>(i)] <= complaint.line + 1) at = i;
  if (at < 0 || !file.net.layer(at).has_type()) return;
  const LayerParameter& layer = file.net.layer(at);
  const auto where = [&] {
    return describe_layer(layer, file.where(file.lines[static_cast<std::size_t>(at)]));
  };
  if (with_context(where, [&] { return find_layer_type(layer.type()); }) == nullptr)
    with_context(where, [] { fail_unsupported_type(); });
}

}  // namespace

std::string describe_layer(const LayerParameter& layer, const std::string& place) {
  return fmt::format("{}: layer '{}' ({})", place, layer.name(), layer.type());
}

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

NetworkFile parse_network(const std::string& whole, std::string path) {
  const std::string text = hide_unknown_fields(whole);
  NetworkFile file;
  file.path = std::move(path);
  Complaint complaint;
  if (parse(text, false, complaint, file)) return file;
  fail_for_type(text, file.path, complaint);
  if (complaint.line < 0) fail(ErrorCode::kInvalidFile, "{}: {}", file.path, complaint.text());
  fail(ErrorCode::kInvalidFile, "{}:{}:{}: {}", file.path, complaint.line + 1, complaint.column + 1,
       complaint.text());
}

}  // namespace kissa::caffe
