#include "labels.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "kissa/error.h"

namespace kissa::tools {
namespace {

namespace fs = std::filesystem;

class LabelsTest : public testing::Test {
 protected:
  LabelsTest()
      : path_(fs::temp_directory_path() / ("labels_test." + std::to_string(getpid()) + ".txt")) {}
  ~LabelsTest() override { fs::remove(path_); }

  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }

  std::string ground_truth_error(const std::string& text) const {
    write(text);
    try {
      read_ground_truth(path_, 10);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  fs::path path_;
};

TEST_F(LabelsTest, ReadsALabelALine) {
  write("tench, Tinca tinca\r\n\nlast");
  EXPECT_EQ(read_labels(path_), (std::vector<std::string>{"tench, Tinca tinca", "", "last"}));
  write("one\ntwo\n");
  EXPECT_EQ(read_labels(path_).size(), 2u);
}

TEST_F(LabelsTest, RefusesFilesThatCannotBeRead) {
  EXPECT_THROW(read_labels("/no/such/labels.txt"), Error);
  EXPECT_THROW(read_labels(fs::temp_directory_path()), Error);
}

TEST_F(LabelsTest, ReadsTheClassOfEachImage) {
  write("a.png 3\n\n  my cat.jpg\t 0 \r\n");
  const std::vector<LabelledImage> images = read_ground_truth(path_, 10);
  ASSERT_EQ(images.size(), 2u);
  EXPECT_EQ(images[0].file, "a.png");
  EXPECT_EQ(images[0].label, 3u);
  EXPECT_EQ(images[1].file, "my cat.jpg");
  EXPECT_EQ(images[1].label, 0u);
  EXPECT_EQ(images[1].line, 3u);
}

TEST_F(LabelsTest, NamesFileAndLineOfAMistake) {
  const std::string where = path_.string() + ":2: ";
  EXPECT_EQ(ground_truth_error("a.png 1\nb.png\n"),
            where + "'b.png' is not a file name and a class index");
  EXPECT_EQ(ground_truth_error("a.png 1\nb.png x\n"), where + "'x' is not a class index");
  EXPECT_EQ(ground_truth_error("a.png 1\nb.png -1\n"), where + "'-1' is not a class index");
  EXPECT_EQ(ground_truth_error("a.png 1\nb.png 10\n"),
            where + "class index 10 is out of range: the network has 10 classes");
  EXPECT_EQ(ground_truth_error("a.png 1\nb.png 99999999999999999999\n"),
            where + "class index 99999999999999999999 is out of range: the network has 10 classes");
  EXPECT_EQ(ground_truth_error("\n"), path_.string() + ": names no image");
}

}  // namespace
}  // namespace kissa::tools
