#include "labels.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace kissa::tools {
namespace {

constexpr const char* kBlanks = " \t";

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail(ErrorCode::kInvalidFile, "{}: cannot be opened: {}", path, std::strerror(errno));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(std::move(line));
  }
  std::error_code ignored;
  if (file.bad() || std::filesystem::is_directory(path, ignored))
    fail(ErrorCode::kInvalidFile, "{}: cannot be read as a text file", path);
  return lines;
}

LabelledImage parse_line(const std::string& line, std::size_t classes) {
  const std::size_t last = line.find_last_not_of(kBlanks);
  const std::size_t gap = line.find_last_of(kBlanks, last);
  const std::size_t name_end = gap == std::string::npos ? gap : line.find_last_not_of(kBlanks, gap);
  if (name_end == std::string::npos)
    fail(ErrorCode::kInvalidFile, "'{}' is not a file name and a class index", line);
  const std::size_t name_begin = line.find_first_not_of(kBlanks);
  const std::string index = line.substr(gap + 1, last - gap);
  LabelledImage image{line.substr(name_begin, name_end + 1 - name_begin), 0, 0};
  const auto [end, error] = std::from_chars(index.data(), index.data() + index.size(), image.label);
  if (error == std::errc::invalid_argument || end != index.data() + index.size())
    fail(ErrorCode::kInvalidFile, "'{}' is not a class index", index);
  if (error != std::errc() || image.label >= classes)
    fail(ErrorCode::kInvalidFile, "class index {} is out of range: the network has {} classes",
         index, classes);
  return image;
}

}  // namespace

std::vector<std::string> read_labels(const std::string& path) { return read_lines(path); }

std::vector<LabelledImage> read_ground_truth(const std::string& path, std::size_t classes) {
  std::vector<LabelledImage> images;
  std::size_t number = 0;
  for (const std::string& line : read_lines(path)) {
    ++number;
    if (line.find_first_not_of(kBlanks) == std::string::npos) continue;
    images.push_back(with_context([&] { return fmt::format("{}:{}", path, number); },
                                  [&] { return parse_line(line, classes); }));
    images.back().line = number;
  }
  if (images.empty()) fail(ErrorCode::kInvalidFile, "{}: names no image", path);
  return images;
}

}  // namespace kissa::tools
