#include "image.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>
#include <opencv2/imgcodecs.hpp>

#include "kissa/error.h"

namespace kissa::tools {
namespace {

namespace fs = std::filesystem;

using Planes = std::vector<float>;

Planes run(const PreprocessOptions& options, int channels, int side, const cv::Mat& image) {
  Planes planes(static_cast<std::size_t>(channels * side * side));
  Preprocessor(options, channels, side, side).run(image, planes);
  return planes;
}

// 4 x 4 pixels of one channel, each 10 * row + column.
cv::Mat numbered() {
  cv::Mat image(4, 4, CV_8UC1);
  for (int row = 0; row < 4; ++row)
    for (int column = 0; column < 4; ++column)
      image.at<uchar>(row, column) = static_cast<uchar>(10 * row + column);
  return image;
}

TEST(PreprocessorTest, SplitsIntoBgrPlanes) {
  const cv::Mat pixel(1, 1, CV_8UC3, cv::Scalar(1, 2, 3));
  EXPECT_EQ(run({}, 3, 1, pixel), (Planes{1, 2, 3}));
  EXPECT_EQ(run({.rgb = true}, 3, 1, pixel), (Planes{3, 2, 1}));
}

TEST(PreprocessorTest, ConvertsChannels) {
  const cv::Mat gray(1, 1, CV_8UC1, cv::Scalar(7));
  const cv::Mat bgra(1, 1, CV_8UC4, cv::Scalar(1, 2, 3, 9));
  const cv::Mat white(1, 1, CV_8UC3, cv::Scalar(255, 255, 255));
  EXPECT_EQ(run({}, 3, 1, gray), (Planes{7, 7, 7}));
  EXPECT_EQ(run({}, 3, 1, bgra), (Planes{1, 2, 3}));
  EXPECT_EQ(run({}, 1, 1, white), (Planes{255}));
  EXPECT_THROW(run({}, 3, 1, cv::Mat(1, 1, CV_8UC2, cv::Scalar(1))), Error);
}

TEST(PreprocessorTest, KeepsSixteenBits) {
  EXPECT_EQ(run({}, 1, 1, cv::Mat(1, 1, CV_16UC1, cv::Scalar(40000))), (Planes{40000}));
}

TEST(PreprocessorTest, ResizesOnIntegersBeforeItConverts) {
  const cv::Mat image = (cv::Mat_<uchar>(2, 2) << 0, 1, 1, 1);
  EXPECT_EQ(run({}, 1, 1, image), (Planes{1}));
}

TEST(PreprocessorTest, CropsTheCentre) {
  EXPECT_EQ(run({.crop = 2}, 1, 2, numbered()), (Planes{11, 12, 21, 22}));
  EXPECT_EQ(run({.crop = 1}, 1, 1, numbered()), (Planes{11}));
  EXPECT_EQ(run({.resize = 4, .crop = 2}, 1, 2, numbered()), (Planes{11, 12, 21, 22}));
  EXPECT_THROW(run({.crop = 5}, 1, 2, numbered()), Error);
}

TEST(PreprocessorTest, SubtractsThenScales) {
  const cv::Mat pixel(1, 1, CV_8UC3, cv::Scalar(10, 20, 30));
  EXPECT_EQ(run({.mean_values = {1, 2, 3}, .scale = 2}, 3, 1, pixel), (Planes{18, 36, 54}));
  EXPECT_EQ(run({.mean_values = {1, 2, 3}, .rgb = true}, 3, 1, pixel), (Planes{27, 18, 9}));
  EXPECT_EQ(run({.mean_values = {5}}, 3, 1, pixel), (Planes{5, 15, 25}));
}

TEST(PreprocessorTest, RefusesOptionsThatMakeNoSense) {
  EXPECT_THROW(Preprocessor({.resize = 0}, 3, 2, 2), Error);
  EXPECT_THROW(Preprocessor({.crop = -1}, 3, 2, 2), Error);
  EXPECT_THROW(Preprocessor({.resize = 2, .crop = 3}, 3, 2, 2), Error);
  EXPECT_THROW(Preprocessor({.mean_values = {1, 2}}, 3, 2, 2), Error);
  EXPECT_THROW(Preprocessor({.mean_mode = MeanMode::kPixel}, 3, 2, 2), Error);
  EXPECT_THROW(Preprocessor({.scale = std::numeric_limits<float>::infinity()}, 3, 2, 2), Error);
}

class MeanFileTest : public testing::Test {
 protected:
  MeanFileTest() : path_(fs::temp_directory_path() / ("mean_test." + std::to_string(getpid()))) {}
  ~MeanFileTest() override { fs::remove(path_); }

  // A BlobProto of 1 x 1 x side x side (fields 1 to 4) whose data (field 5) counts from 0.
  void write_mean(char side) const {
    const std::string shape = {'\x08', 1, '\x10', 1, '\x18', side, '\x20', side};
    std::vector<float> values(static_cast<std::size_t>(side * side));
    std::iota(values.begin(), values.end(), 0.0f);
    std::string data(values.size() * sizeof(float), '\0');
    std::memcpy(data.data(), values.data(), data.size());
    std::ofstream(path_, std::ios::binary)
        << shape << '\x2a' << static_cast<char>(data.size()) << data;
  }

  fs::path path_;
};

TEST_F(MeanFileTest, GivesOneValueAChannel) {
  write_mean(4);
  const cv::Mat image(1, 1, CV_8UC1, cv::Scalar(10));
  EXPECT_EQ(run({.mean_file = path_}, 1, 1, image), (Planes{2.5f}));
}

TEST_F(MeanFileTest, GivesOneValueAPixel) {
  const cv::Mat image(2, 2, CV_8UC1, cv::Scalar(20));
  const auto run_pixel = [&] {
    return run({.mean_file = path_, .mean_mode = MeanMode::kPixel}, 1, 2, image);
  };
  write_mean(2);
  EXPECT_EQ(run_pixel(), (Planes{20, 19, 18, 17}));
  write_mean(4);
  EXPECT_EQ(run_pixel(), (Planes{15, 14, 11, 10}));
  write_mean(1);
  EXPECT_EQ(run_pixel(), (Planes{20, 20, 20, 20}));
}

TEST_F(MeanFileTest, MustHaveTheInputsChannels) {
  write_mean(2);
  EXPECT_THROW(Preprocessor({.mean_file = path_}, 3, 2, 2), Error);
}

class ImageFilesTest : public testing::Test {
 protected:
  ImageFilesTest()
      : folder_(fs::temp_directory_path() / ("image_test." + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~ImageFilesTest() override { fs::remove_all(folder_); }

  std::string write_image(const std::string& name) const {
    const std::string path = folder_ / name;
    cv::Mat noise(64, 64, CV_8UC3);
    cv::randu(noise, 0, 255);
    cv::imwrite(path, noise);
    return path;
  }

  std::string error_of(const std::string& path) const {
    try {
      load_image(path);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  fs::path folder_;
};

TEST_F(ImageFilesTest, ListsFoldersSorted) {
  const std::string b = write_image("b.PNG");
  const std::string a = write_image("a.jpg");
  std::ofstream(folder_ / "val.txt") << "a.jpg 1\n";
  EXPECT_EQ(list_images({b, folder_}), (std::vector<std::string>{b, a, b}));
  EXPECT_THROW(list_images({folder_ / "missing.png"}), Error);
  fs::create_directory(folder_ / "empty");
  EXPECT_THROW(list_images({folder_ / "empty"}), Error);
}

TEST_F(ImageFilesTest, LoadsWhatItCanDecode) {
  EXPECT_EQ(load_image(write_image("a.png")).channels(), 3);
}

TEST_F(ImageFilesTest, SaysInOneLineWhatItCannotDecode) {
  testing::internal::CaptureStderr();
  const std::string empty = folder_ / "empty.jpg";
  std::ofstream{empty};
  EXPECT_EQ(error_of(empty), empty + ": the file is empty");
  const std::string text = folder_ / "text.png";
  std::ofstream(text) << "no image";
  EXPECT_EQ(error_of(text), text + ": cannot be decoded as an image");
  const std::string jpeg = write_image("cut.jpg");
  fs::resize_file(jpeg, fs::file_size(jpeg) / 2);
  EXPECT_EQ(error_of(jpeg), jpeg + ": the image is cut short; fetch the file again");
  const std::string png = write_image("cut.png");
  fs::resize_file(png, fs::file_size(png) / 2);
  EXPECT_NE(error_of(png), "no error");
  EXPECT_NE(error_of(folder_), "no error");
  EXPECT_EQ(error_of("/no/such.jpg"), "/no/such.jpg: there is no such file");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace kissa::tools
