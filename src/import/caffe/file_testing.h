// Files that tests write, gone when the test ends.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

#include "import/caffe/caffe.pb.h"
#include "import/caffe/import.h"

namespace kissa::caffe {

class TempFile {
 public:
  TempFile(std::string_view name, std::string_view content)
      : path_(::testing::TempDir() + "kissa_" + std::to_string(::getpid()) + "_" +
              std::to_string(count_++) + "_" + std::string(name)) {
    write(content);
  }
  ~TempFile() { std::remove(path_.c_str()); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;

  void write(std::string_view content) { std::ofstream(path_, std::ios::binary) << content; }
  const std::string& path() const { return path_; }

 private:
  static inline int count_ = 0;
  std::string path_;
};

inline BlobProto make_blob(const std::vector<std::int64_t>& dims, const std::vector<float>& data) {
  BlobProto blob;
  for (const std::int64_t dim : dims) blob.mutable_shape()->add_dim(dim);
  for (const float number : data) blob.add_data(number);
  return blob;
}

inline Graph import_text(const std::string& text, const ImportOptions& options = {},
                         const std::string& caffemodel = "") {
  const TempFile file("net.prototxt", text);
  return import_caffe(file.path(), caffemodel, options);
}

// `text` with the file's path, which tests do not know, as "FILE".
inline std::string without_path(std::string text, const std::string& path, std::string_view name) {
  for (std::size_t at = text.find(path); at != text.npos; at = text.find(path))
    text.replace(at, path.size(), name);
  return text;
}

}  // namespace kissa::caffe
