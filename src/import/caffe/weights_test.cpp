#include "import/caffe/weights.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "import/caffe/file_testing.h"
#include "import/caffe/import.h"

namespace kissa::caffe {
namespace {

using Floats = std::vector<float>;

Floats numbers(const WeightFile& file, const std::string& layer, std::size_t index) {
  const BlobEntry& blob = file.find(layer)->at(index);
  const ConstantData data = file.read(blob);
  return {data.get(), data.get() + blob.count};
}

LayerParameter make_layer(const std::string& name, const std::vector<BlobProto>& blobs) {
  LayerParameter layer;
  layer.set_name(name);
  for (const BlobProto& blob : blobs) *layer.add_blobs() = blob;
  return layer;
}

std::string file_error(const std::string& content) {
  const TempFile file("net.caffemodel", content);
  try {
    const WeightFile weights(file.path());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidFile);
    return without_path(error.what(), file.path(), "FILE");
  }
  return "no error";
}

TEST(CaffeWeightsTest, FindsBlobsByLayer) {
  NetParameter net;
  *net.add_layer() = make_layer("data", {});
  *net.add_layer() =
      make_layer("ip", {make_blob({2, 3}, {1, 2, 3, 4, 5, 6}), make_blob({2}, {7, 8})});
  const TempFile file("net.caffemodel", net.SerializeAsString());
  const WeightFile weights(file.path());
  EXPECT_EQ(weights.layers(), std::vector<std::string>{"ip"});
  EXPECT_EQ(weights.find("data"), nullptr);
  ASSERT_NE(weights.find("ip"), nullptr);
  EXPECT_EQ(weights.find("ip")->at(0).dims, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(numbers(weights, "ip", 0), (Floats{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(numbers(weights, "ip", 1), (Floats{7, 8}));
}

TEST(CaffeWeightsTest, ReadsRawBytesOfEachType) {
  const auto raw = [](RawType type, const std::string& bytes) {
    NetParameter net;
    BlobProto blob;
    blob.mutable_shape()->add_dim(2);
    blob.set_raw_data_type(type);
    blob.set_raw_data(bytes);
    *net.add_layer() = make_layer("ip", {blob});
    const TempFile file("net.caffemodel", net.SerializeAsString());
    return numbers(WeightFile(file.path()), "ip", 0);
  };
  using namespace std::string_literals;
  EXPECT_EQ(raw(FLOAT16, "\x00\x3e\x01\x80"s), (Floats{1.5f, -0x1p-24f}));
  EXPECT_EQ(raw(FLOAT16, "\xff\x7b\x00\x00"s), (Floats{65504.0f, 0.0f}));
  EXPECT_EQ(raw(FLOAT, "\x00\x00\x80\x3f\x00\x00\x00\xc0"s), (Floats{1.0f, -2.0f}));
  EXPECT_EQ(raw(DOUBLE, "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\x00\xc0"s), (Floats{1.0f, -2.0f}));
  EXPECT_THROW(raw(INT, "\0\0\0\0\0\0\0\0"s), Error);
  EXPECT_THROW(raw(FLOAT16, "\0\0\0"s), Error);
}

TEST(CaffeWeightsTest, ReadsOlderFormats) {
  BlobProto blob;
  blob.set_num(1);
  blob.set_channels(1);
  blob.set_height(2);
  blob.set_width(2);
  for (const float number : {1.0f, 2.0f, 3.0f, 4.0f}) blob.add_data(number);
  NetParameter net;
  V1LayerParameter& v1 = *net.add_layers();
  v1.set_name("v1");
  *v1.add_blobs() = blob;
  V0LayerParameter& v0 = *net.add_layers()->mutable_layer();
  v0.set_name("v0");
  *v0.add_blobs() = blob;
  const TempFile file("net.caffemodel", net.SerializeAsString());
  const WeightFile weights(file.path());
  for (const char* layer : {"v1", "v0"}) {
    ASSERT_NE(weights.find(layer), nullptr) << layer;
    EXPECT_EQ(weights.find(layer)->at(0).dims, (std::vector<std::int64_t>{1, 1, 2, 2}));
    EXPECT_EQ(numbers(weights, layer, 0), (Floats{1, 2, 3, 4}));
  }
}

TEST(CaffeWeightsTest, ReadsDoublesBeforeFloats) {
  BlobProto blob = make_blob({3}, {9});
  for (const double number : {1.5, 2.5, -3.5}) blob.add_double_data(number);
  NetParameter net;
  *net.add_layer() = make_layer("ip", {blob});
  const TempFile file("net.caffemodel", net.SerializeAsString());
  EXPECT_EQ(numbers(WeightFile(file.path()), "ip", 0), (Floats{1.5f, 2.5f, -3.5f}));
}

TEST(CaffeWeightsTest, ReadsNumbersThatAreNotPacked) {
  // Two numbers on their own, then two packed: data as fields 5 of wire types 5 and 2.
  const auto bytes = [](float number) {
    return std::string(reinterpret_cast<const char*>(&number), sizeof(number));
  };
  const std::string blob = "\x2d" + bytes(1) + "\x2d" + bytes(2) + "\x2a\x08" + bytes(3) + bytes(4);
  const std::string layer = std::string("\x0a\x02ip\x3a") + static_cast<char>(blob.size()) + blob;
  const std::string net = std::string("\xa2\x06") + static_cast<char>(layer.size()) + layer;
  const TempFile file("net.caffemodel", net);
  EXPECT_EQ(numbers(WeightFile(file.path()), "ip", 0), (Floats{1, 2, 3, 4}));
}

TEST(CaffeWeightsTest, TakesTheLastOfSeveralLayersOfOneName) {
  NetParameter net;
  *net.add_layer() = make_layer("ip", {make_blob({1}, {1})});
  *net.add_layer() = make_layer("ip", {make_blob({1}, {2})});
  const TempFile file("net.caffemodel", net.SerializeAsString());
  EXPECT_EQ(numbers(WeightFile(file.path()), "ip", 0), Floats{2});
}

TEST(CaffeWeightsTest, RefusesWhatIsNoWeightFile) {
  EXPECT_EQ(file_error(""), "FILE: is empty");
  EXPECT_EQ(file_error("layer { name: \"x\" }"),
            "FILE: not a Caffe file, or damaged: no field at byte 0");
  EXPECT_EQ(file_error("\x0a\x03net"), "FILE: holds no layers; is it a .caffemodel?");
  EXPECT_EQ(file_error("\xa2\x06\x05\x0a"),
            "FILE: truncated or damaged: the field at byte 0 claims 5 bytes, but 1 are left");
  // A length of 2^63, of which nothing is there.
  EXPECT_EQ(file_error("\xa2\x06\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
            "FILE: truncated or damaged: the field at byte 0 claims 9223372036854775808 bytes, but "
            "0 are left");
  EXPECT_EQ(file_error("\xa2\x06\x80"),
            "FILE: truncated or damaged: a number is cut off at byte 3");
  EXPECT_EQ(file_error(std::string(20, '\xff')),
            "FILE: not a Caffe file, or damaged: no number at byte 0");
  EXPECT_THROW(WeightFile("/no/such/file"), Error);
  EXPECT_THROW(WeightFile("/"), Error);
}

TEST(CaffeWeightsTest, RefusesPackedNumbersThatEndInsideANumber) {
  EXPECT_EQ(file_error(std::string("\xa2\x06\x07\x3a\x05\x2a\x03\x01\x02\x03", 10)),
            "FILE: damaged: the numbers at byte 7 end inside a number");
}

TEST(CaffeWeightsTest, SurvivesDamageAnywhere) {
  NetParameter net;
  *net.add_layer() = make_layer("ip", {make_blob({2, 3}, {1, 2, 3, 4, 5, 6})});
  net.add_layers()->mutable_layer()->set_name("v0");
  const std::string good = net.SerializeAsString();
  std::mt19937 random(1);
  TempFile file("net.caffemodel", good);
  for (int i = 0; i < 400; ++i) {
    std::string bad = good.substr(0, i < 100 ? static_cast<std::size_t>(i) : good.size());
    if (!bad.empty()) bad[random() % bad.size()] = static_cast<char>(random());
    file.write(bad);
    try {
      const WeightFile weights(file.path());
      for (const std::string& layer : weights.layers())
        for (const BlobEntry& blob : *weights.find(layer)) {
          EXPECT_LE(blob.count, bad.size());
          weights.read(blob);
        }
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidFile) << error.what();
    }
  }
}

TEST(CaffeWeightsTest, ComparesShapesWithoutLeadingOnes) {
  EXPECT_TRUE(same_shape({1, 1, 3, 4}, Shape({3, 4})));
  EXPECT_TRUE(same_shape({1, 1, 1, 4}, Shape({4})));
  EXPECT_TRUE(same_shape({1, 1, 1, 1}, Shape()));
  EXPECT_TRUE(same_shape({}, Shape({1})));
  EXPECT_TRUE(same_shape({1, 3, 5, 5}, Shape({1, 3, 5, 5})));
  EXPECT_FALSE(same_shape({3, 4, 1, 1}, Shape({3, 4})));
  EXPECT_FALSE(same_shape({4, 3}, Shape({3, 4})));
  EXPECT_FALSE(same_shape({-1, 4}, Shape({3, 4})));
}

TEST(CaffeBlobFileTest, ReadsBothFormsOfShape) {
  const TempFile today("mean.binaryproto", make_blob({2, 2}, {1, 2, 3, 4}).SerializeAsString());
  EXPECT_EQ(read_blob_file(today.path()).shape, Shape({2, 2}));
  BlobProto legacy = make_blob({}, {1, 2, 3, 4});
  legacy.set_num(1);
  legacy.set_channels(2);
  legacy.set_height(1);
  legacy.set_width(2);
  const TempFile old("mean.binaryproto", legacy.SerializeAsString());
  EXPECT_EQ(read_blob_file(old.path()).shape, Shape({1, 2, 1, 2}));
  EXPECT_EQ(read_blob_file(old.path()).data, (Floats{1, 2, 3, 4}));
}

TEST(CaffeBlobFileTest, RefusesWhatIsNoBlob) {
  const auto error_of_blob = [](const std::string& content) -> std::string {
    const TempFile file("mean.binaryproto", content);
    try {
      read_blob_file(file.path());
    } catch (const Error& error) {
      return without_path(error.what(), file.path(), "FILE");
    }
    return "no error";
  };
  EXPECT_EQ(error_of_blob(""), "FILE: holds no blob; is it a BlobProto such as mean.binaryproto?");
  EXPECT_EQ(error_of_blob(make_blob({3, 256, 256}, {1, 2}).SerializeAsString()),
            "FILE: claims a shape of 3x256x256, but holds 2 numbers");
  EXPECT_EQ(error_of_blob(make_blob({1LL << 40, 4}, {1, 2}).SerializeAsString()),
            "FILE: shape 1099511627776x4 has more than 2^36 elements");
}

}  // namespace
}  // namespace kissa::caffe
