// Finding and decoding image files.
#include <algorithm>
#include <array>
#include <filesystem>
#include <opencv2/imgcodecs.hpp>

#include "base/error.h"
#include "base/log.h"
#include "image.h"
#include "stderr_capture.h"

namespace kissa::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 14> kExtensions = {".bmp", ".dib", ".jp2",  ".jpe", ".jpeg",
                                                          ".jpg", ".pbm", ".pgm",  ".png", ".pnm",
                                                          ".ppm", ".tif", ".tiff", ".webp"};

bool has_image_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::vector<std::string> list_folder(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> images;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (has_image_extension(it->path()) && !it->is_directory()) images.push_back(it->path());
  if (error) fail(ErrorCode::kInvalidFile, "{}: cannot be listed: {}", folder, error.message());
  if (images.empty()) fail(ErrorCode::kInvalidFile, "{}: there is no image in this folder", folder);
  std::sort(images.begin(), images.end());
  return images;
}

void check_file(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found)
    fail(ErrorCode::kInvalidFile, "{}: there is no such file", path);
  if (error) fail(ErrorCode::kInvalidFile, "{}: cannot be read: {}", path, error.message());
  if (fs::is_directory(status))
    fail(ErrorCode::kInvalidFile, "{}: is a folder, not an image; --images takes folders", path);
  if (fs::is_regular_file(status) && fs::file_size(path, error) == 0)
    fail(ErrorCode::kInvalidFile, "{}: the file is empty", path);
}

// libjpeg fills what is missing from a file that was cut short with grey.
bool is_cut_short(const std::string& complaints) {
  return complaints.find("Premature end of JPEG file") != std::string::npos;
}

}  // namespace

std::vector<std::string> list_images(const std::vector<std::string>& paths) {
  std::vector<std::string> images;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
      const std::vector<std::string> inside = list_folder(path);
      images.insert(images.end(), inside.begin(), inside.end());
    } else {
      check_file(path);
      images.push_back(path);
    }
  }
  return images;
}

cv::Mat load_image(const std::string& path) {
  check_file(path);
  StderrCapture capture;
  cv::Mat image;
  try {
    image = cv::imread(path, cv::IMREAD_UNCHANGED);
  } catch (const cv::Exception& error) {
    fail(ErrorCode::kInvalidFile, "{}: cannot be decoded: {}", path, error.err);
  }
  const std::string complaints = capture.finish();
  if (image.empty()) fail(ErrorCode::kInvalidFile, "{}: cannot be decoded as an image", path);
  if (is_cut_short(complaints))
    fail(ErrorCode::kInvalidFile, "{}: the image is cut short; fetch the file again", path);
  if (!complaints.empty()) log(LogLevel::kWarning, "{}: {}", path, complaints);
  return image;
}

}  // namespace kissa::tools
