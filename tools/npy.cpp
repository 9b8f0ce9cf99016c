#include "npy.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace kissa::tools {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kMaxRank = 32;

struct Header {
  std::string descr;
  bool fortran_order = false;
  Dims dims;
};

[[noreturn]] void fail_header(std::string_view what) {
  fail(ErrorCode::kInvalidFile, "not a valid .npy header: {}", what);
}

// Reads the Python dictionary literal of the header: {'descr': '<f4', 'fortran_order': False,
// 'shape': (1, 3), }
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : rest_(text) {}

  Header parse() {
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        descr_ = string();
      } else if (key == "fortran_order") {
        fortran_order_ = boolean();
      } else if (key == "shape") {
        dims_ = tuple();
      } else {
        fail_header("unknown key '" + key + "'");
      }
      if (!accept(',') && peek() != '}') fail_header("expected ',' or '}'");
    }
    if (!descr_ || !fortran_order_ || !dims_)
      fail_header("it needs 'descr', 'fortran_order' and 'shape'");
    return {*descr_, *fortran_order_, *dims_};
  }

 private:
  char peek() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size()));
    return rest_.empty() ? '\0' : rest_.front();
  }

  bool accept(char c) {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char c) {
    if (!accept(c)) fail_header(fmt::format("expected '{}'", c));
  }

  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail_header("expected a string");
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) fail_header("a string does not end");
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }

  bool boolean() {
    for (const std::string_view word : {"True", "False"}) {
      peek();
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return word == "True";
    }
    fail_header("expected True or False");
  }

  Dims tuple() {
    Dims dims;
    expect('(');
    while (!accept(')')) {
      dims.push_back(extent());
      if (dims.size() > kMaxRank) fail_header("more than 32 axes");
      if (!accept(',') && peek() != ')') fail_header("expected ',' or ')'");
    }
    return dims;
  }

  std::int64_t extent() {
    peek();
    std::int64_t value = -1;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || value < 0) fail_header("expected an extent");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  std::string_view rest_;
  std::optional<std::string> descr_;
  std::optional<bool> fortran_order_;
  std::optional<Dims> dims_;
};

// A file whose length is known and whose reads never run past it.
class BoundedFile {
 public:
  explicit BoundedFile(const std::string& path) : file_(path, std::ios::binary | std::ios::ate) {
    if (!file_) fail(ErrorCode::kInvalidFile, "cannot be opened: {}", std::strerror(errno));
    const std::streamoff size = file_.tellg();
    file_.seekg(0);
    if (size < 0 || !file_) fail(ErrorCode::kInvalidFile, "is not a regular file");
    left_ = static_cast<std::uint64_t>(size);
  }

  std::uint64_t left() const { return left_; }

  void read(void* dst, std::size_t bytes) {
    if (bytes > left_) fail(ErrorCode::kInvalidFile, "the file is cut short");
    file_.read(static_cast<char*>(dst), static_cast<std::streamsize>(bytes));
    if (!file_) fail(ErrorCode::kInvalidFile, "cannot be read");
    left_ -= bytes;
  }

 private:
  std::ifstream file_;
  std::uint64_t left_ = 0;
};

Header read_header(BoundedFile& file) {
  std::array<char, 8> start{};
  if (file.left() < start.size()) fail(ErrorCode::kInvalidFile, "is not a .npy file");
  file.read(start.data(), start.size());
  if (std::string_view(start.data(), kMagic.size()) != kMagic)
    fail(ErrorCode::kInvalidFile, "is not a .npy file");
  const int version = static_cast<unsigned char>(start[6]);
  if (version < 1 || version > 3)
    fail(ErrorCode::kUnsupported, "is of .npy format version {}; versions 1 to 3 are read",
         version);
  std::uint32_t length = 0;
  file.read(&length, version == 1 ? 2 : 4);
  if (length > file.left()) fail(ErrorCode::kInvalidFile, "the file is cut short");
  std::string text(length, '\0');
  file.read(text.data(), text.size());
  return HeaderParser(text).parse();
}

// The number of elements, or nothing where it takes more than `limit`.
std::optional<std::uint64_t> count_elements(const Dims& dims, std::uint64_t limit) {
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return 0;
  std::uint64_t count = 1;
  for (const std::int64_t dim : dims) {
    if (count > limit / static_cast<std::uint64_t>(dim)) return std::nullopt;
    count *= static_cast<std::uint64_t>(dim);
  }
  return count;
}

using ReadElements = std::vector<float> (*)(BoundedFile&, std::size_t);

template <class T>
std::vector<float> read_as(BoundedFile& file, std::size_t count) {
  std::vector<T> raw(count);
  file.read(raw.data(), count * sizeof(T));
  if constexpr (std::is_same_v<T, float>) {
    return raw;
  } else {
    std::vector<float> data(count);
    for (std::size_t i = 0; i < count; ++i) data[i] = static_cast<float>(raw[i]);
    return data;
  }
}

struct ElementType {
  std::string_view code;
  std::size_t bytes;
  ReadElements read;
};

constexpr std::array<ElementType, 11> kElementTypes = {{
    {"f4", 4, read_as<float>},
    {"f8", 8, read_as<double>},
    {"i1", 1, read_as<std::int8_t>},
    {"i2", 2, read_as<std::int16_t>},
    {"i4", 4, read_as<std::int32_t>},
    {"i8", 8, read_as<std::int64_t>},
    {"u1", 1, read_as<std::uint8_t>},
    {"u2", 2, read_as<std::uint16_t>},
    {"u4", 4, read_as<std::uint32_t>},
    {"u8", 8, read_as<std::uint64_t>},
    {"b1", 1, read_as<std::uint8_t>},
}};

const ElementType& find_type(const std::string& descr) {
  if (descr.starts_with('>'))
    fail(ErrorCode::kUnsupported, "holds big-endian '{}'; save it with astype('<f4')", descr);
  for (const ElementType& type : kElementTypes)
    if (descr.size() == 3 && descr.substr(1) == type.code) return type;
  fail(ErrorCode::kUnsupported, "holds '{}', which is not read; save it with astype('<f4')", descr);
}

NpyArray read_array(BoundedFile& file) {
  const Header header = read_header(file);
  const ElementType& type = find_type(header.descr);
  const auto count = count_elements(header.dims, file.left() / type.bytes);
  if (!count || *count * type.bytes != file.left())
    fail(ErrorCode::kInvalidFile, "claims the shape ({}) of '{}', but {} bytes follow the header",
         fmt::join(header.dims, ", "), header.descr, file.left());
  if (header.fortran_order && header.dims.size() > 1)
    fail(ErrorCode::kUnsupported, "is in Fortran order; save it with numpy.ascontiguousarray");
  return {header.dims, type.read(file, static_cast<std::size_t>(*count))};
}

std::string make_header(const Dims& dims) {
  std::string shape = fmt::format("{}", fmt::join(dims, ", "));
  if (dims.size() == 1) shape += ",";
  std::string text =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", shape);
  const std::size_t fixed = kMagic.size() + 4;  // version and length
  const std::size_t total = (fixed + text.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  text.resize(total - fixed - 1, ' ');
  text += '\n';
  const auto length = static_cast<std::uint16_t>(text.size());
  std::string header(kMagic);
  header += {'\x01', '\x00', static_cast<char>(length & 0xff), static_cast<char>(length >> 8)};
  return header + text;
}

}  // namespace

NpyArray read_npy(const std::string& path) {
  return with_context([&] { return path; },
                      [&] {
                        BoundedFile file(path);
                        return read_array(file);
                      });
}

void write_npy(const std::string& path, const Dims& dims, std::span<const float> data) {
  const std::string header = make_header(dims);
  PendingFile file(path);
  file.write(header.data(), header.size());
  file.write(data.data(), data.size_bytes());
  file.keep();
}

}  // namespace kissa::tools
