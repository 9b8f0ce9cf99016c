#include "import/caffe/convert.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "import/caffe/network_file.h"
#include "import/caffe/upgrade.h"

namespace kissa {
namespace {

namespace pb = google::protobuf;

class FileInput : public pb::io::CopyingInputStream {
 public:
  explicit FileInput(const File& file) : file_(file) {}
  int Read(void* buffer, int size) override {
    const auto bytes =
        std::min<std::uint64_t>(static_cast<std::uint64_t>(size), file_.size() - at_);
    file_.read(at_, {static_cast<std::byte*>(buffer), bytes});
    at_ += bytes;
    return static_cast<int>(bytes);
  }

 private:
  const File& file_;
  std::uint64_t at_ = 0;
};

class FileOutput : public pb::io::CopyingOutputStream {
 public:
  explicit FileOutput(PendingFile& file) : file_(file) {}
  bool Write(const void* buffer, int size) override {
    file_.write(buffer, static_cast<std::size_t>(size));
    return true;
  }

 private:
  PendingFile& file_;
};

template <class Print>
void write_file(const std::string& path, Print&& print) {
  PendingFile file(path);
  {
    FileOutput output(file);
    pb::io::CopyingOutputStreamAdaptor stream(&output);
    if (!print(stream)) fail(ErrorCode::kInvalidFile, "{}: cannot be written", path);
  }
  file.keep();
}

caffe::NetworkFile read_binary(const std::string& path) {
  const File file(path);
  if (file.size() > INT32_MAX) fail(ErrorCode::kUnsupported, "{}: is larger than 2 GiB", path);
  caffe::NetworkFile network;
  network.path = path;
  FileInput input(file);
  pb::io::CopyingInputStreamAdaptor stream(&input);
  if (!network.net.ParseFromZeroCopyStream(&stream))
    fail(ErrorCode::kInvalidFile, "{}: damaged: this is no .caffemodel", path);
  const int layers = std::max(network.net.layers_size(), network.net.layer_size());
  if (layers == 0) fail(ErrorCode::kInvalidFile, "{}: holds no layers; is it a .caffemodel?", path);
  network.lines.assign(static_cast<std::size_t>(layers), 0);
  return network;
}

}  // namespace

void upgrade_network_file(const std::string& prototxt, const std::string& upgraded) {
  caffe::NetworkFile network = caffe::parse_network(caffe::read_text(prototxt), prototxt);
  caffe::upgrade(network);
  write_file(upgraded, [&](pb::io::ZeroCopyOutputStream& stream) {
    return pb::TextFormat::Print(network.net, &stream);
  });
}

void upgrade_weight_file(const std::string& caffemodel, const std::string& upgraded) {
  caffe::NetworkFile network = read_binary(caffemodel);
  caffe::upgrade(network);
  write_file(upgraded, [&](pb::io::ZeroCopyOutputStream& stream) {
    return network.net.SerializeToZeroCopyStream(&stream);
  });
}

}  // namespace kissa
