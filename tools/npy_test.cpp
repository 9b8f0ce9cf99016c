#include "npy.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace kissa::tools {
namespace {

namespace fs = std::filesystem;

class NpyTest : public testing::Test {
 protected:
  NpyTest() : folder_(fs::temp_directory_path() / ("npy_test." + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~NpyTest() override { fs::remove_all(folder_); }

  std::string path() const { return folder_ / "a.npy"; }

  void write_bytes(const std::string& bytes) const {
    std::ofstream(path(), std::ios::binary) << bytes;
  }

  // A version 1 file of this dictionary and these bytes of data.
  void write_file(const std::string& dictionary, const std::string& data) const {
    const auto length = static_cast<char>(dictionary.size());
    write_bytes(std::string("\x93NUMPY\x01", 7) + '\0' + length + '\0' + dictionary + data);
  }

  template <class T>
  std::vector<float> read_back(const std::string& descr, std::vector<T> values) const {
    std::string data(values.size() * sizeof(T), '\0');
    std::memcpy(data.data(), values.data(), data.size());
    write_file("{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" +
                   std::to_string(values.size()) + ",), }",
               data);
    return read_npy(path()).data;
  }

  std::string error() const {
    try {
      read_npy(path());
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  fs::path folder_;
};

TEST_F(NpyTest, ReadsWhatItWrites) {
  const std::vector<float> data = {1, -2, 3.5f, 4, 5, 6};
  for (const Dims& dims : {Dims{2, 3}, Dims{6}, Dims{1, 6, 1}}) {
    write_npy(path(), dims, data);
    const NpyArray array = read_npy(path());
    EXPECT_EQ(array.dims, dims);
    EXPECT_EQ(array.data, data);
  }
}

TEST_F(NpyTest, ReadsScalarsAndEmptyArrays) {
  write_npy(path(), {}, std::vector<float>{7});
  EXPECT_EQ(read_npy(path()).data, std::vector<float>{7});
  write_npy(path(), {3, 0}, {});
  EXPECT_EQ(read_npy(path()).dims, (Dims{3, 0}));
}

TEST_F(NpyTest, WritesAlignedDataAndNoOtherFile) {
  write_npy(path(), {2}, std::vector<float>{1, 2});
  EXPECT_EQ(fs::file_size(path()) % 64, 8u);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(NpyTest, ConvertsOtherTypes) {
  EXPECT_EQ(read_back<double>("<f8", {0.5, -2}), (std::vector<float>{0.5f, -2}));
  EXPECT_EQ(read_back<std::int64_t>("<i8", {-3, 4}), (std::vector<float>{-3, 4}));
  EXPECT_EQ(read_back<std::int16_t>("<i2", {-300}), (std::vector<float>{-300}));
  EXPECT_EQ(read_back<std::uint8_t>("|u1", {255, 0}), (std::vector<float>{255, 0}));
}

TEST_F(NpyTest, RefusesWhatItCannotRead) {
  EXPECT_THROW(read_npy((folder_ / "missing.npy").string()), Error);
  EXPECT_THROW(read_npy(folder_.string()), Error);
  write_bytes("not numpy at all");
  EXPECT_NE(error().find("is not a .npy file"), std::string::npos);
  write_file("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "1234");
  EXPECT_NE(error().find("big-endian"), std::string::npos);
  write_file("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "12345678");
  EXPECT_NE(error().find("'<c8'"), std::string::npos);
  write_file("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", "1234");
  EXPECT_NE(error().find("Fortran"), std::string::npos);
}

TEST_F(NpyTest, BelievesTheFileNotItsHeader) {
  const std::string start = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  for (const char* shape : {"2,", "1099511627776,", "4294967296, 4294967296", "0,"}) {
    write_file(start + shape + "), }", "1234");
    EXPECT_NE(error().find("4 bytes follow"), std::string::npos) << shape << ": " << error();
  }
}

TEST_F(NpyTest, SurvivesBrokenHeaders) {
  for (const char* dictionary :
       {"", "{", "{'descr", "{'descr': }", "{'shape': (1,)}", "{'shape': (-1,)}", "{'shape': (1",
        "{'shape': (99999999999999999999,)}", "{'fortran_order': Maybe}", "{'what': 'x'}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"}) {
    write_file(dictionary, "");
    EXPECT_NE(error().find("not a valid .npy header"), std::string::npos) << dictionary;
  }
}

TEST_F(NpyTest, SurvivesEveryTruncation) {
  write_npy(path(), {4}, std::vector<float>{1, 2, 3, 4});
  for (std::uintmax_t size = fs::file_size(path()); size-- > 0;) {
    fs::resize_file(path(), size);
    EXPECT_NE(error(), "no error") << size;
  }
}

TEST_F(NpyTest, LeavesNothingWhereItCannotWrite) {
  fs::create_directories(folder_ / "a.npy" / "inside");
  EXPECT_THROW(write_npy(path(), {1}, std::vector<float>{1}), Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace kissa::tools
