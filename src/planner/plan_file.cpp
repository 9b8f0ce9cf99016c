#include "planner/plan_file.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "base/thread_pool.h"
#include "ir/graph_json.h"
#include "ir/json.h"

namespace kissa {
namespace {

using json::Json;
using json::read_member;

static_assert(std::endian::native == std::endian::little, "plan files are little-endian");

// What begins the file; all that follows lies where these sizes say.
struct Header {
  std::array<char, 8> magic;
  std::uint32_t format;
  std::uint32_t zero;
  std::uint64_t file_bytes;
  std::uint64_t metadata_bytes;  // from behind the header to a page's border
  std::uint64_t constants_bytes;
  std::uint64_t weights_bytes;
  std::uint64_t metadata_hash;
  std::uint64_t weights_hash;
  std::uint64_t header_hash;  // of all before
};
static_assert(sizeof(Header) == 72);

constexpr std::array<char, 8> kMagic = {'K', 'I', 'S', 'S', 'A', 'P', 'L', 'N'};
constexpr std::uint32_t kFormat = 2;
constexpr std::uint64_t kPage = 4096;
// Of packed weights, what one checksum covers: it is still in the cache when it has been read.
constexpr std::uint64_t kPart = std::uint64_t{128} << 10;
// What one thread reads: a huge page, so that no two threads touch one for the first time.
constexpr std::uint64_t kPartsPerTask = 16;
// Larger than any network's description; what the file says is read at once.
constexpr std::uint64_t kMaxMetadata = std::uint64_t{256} << 20;

std::uint64_t round_up(std::uint64_t bytes, std::uint64_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

std::uint64_t hash_of(const void* data, std::uint64_t bytes) { return XXH3_64bits(data, bytes); }

std::uint64_t header_hash(const Header& header) {
  return hash_of(&header, offsetof(Header, header_hash));
}

std::uint64_t padded_bytes(const Shape& shape) {
  return static_cast<std::uint64_t>(padded_piece(shape.elements() * size_of(DataType::kF32)));
}

// ---- Writing

// Bytes of a section, in order, handed to the file or to a checksum.
using Sink = std::function<void(const void* data, std::uint64_t bytes)>;

void write_zeros(std::uint64_t bytes, const Sink& sink) {
  static constexpr std::array<char, kPage> kZeros = {};
  for (; bytes > 0; bytes -= std::min<std::uint64_t>(bytes, kPage))
    sink(kZeros.data(), std::min<std::uint64_t>(bytes, kPage));
}

// Checksums of what comes through it: one for each `chunk` bytes.
class ChunkHasher {
 public:
  explicit ChunkHasher(std::uint64_t chunk) : left_(chunk), chunk_(chunk) {
    XXH3_64bits_reset(&state_);
  }

  void add(const void* data, std::uint64_t bytes) {
    const auto* next = static_cast<const char*>(data);
    while (bytes > 0) {
      const std::uint64_t part = std::min(bytes, left_);
      XXH3_64bits_update(&state_, next, part);
      next += part;
      bytes -= part;
      left_ -= part;
      if (left_ == 0) end_chunk();
    }
  }

  std::vector<std::uint64_t> finish() {
    if (left_ < chunk_) end_chunk();
    return std::move(hashes_);
  }

 private:
  void end_chunk() {
    hashes_.push_back(XXH3_64bits_digest(&state_));
    XXH3_64bits_reset(&state_);
    left_ = chunk_;
  }

  XXH3_state_t state_;
  std::uint64_t left_, chunk_;
  std::vector<std::uint64_t> hashes_;
};

std::uint64_t combine(const std::vector<std::uint64_t>& hashes) {
  return hash_of(hashes.data(), hashes.size() * sizeof(std::uint64_t));
}

// Hands out memory of a device, some at a time.
class DeviceReader {
 public:
  explicit DeviceReader(Device& device) {
    if (device.is_host()) return;
    stream_ = device.create_stream();
    block_ = device.allocate_host(kBlock);
  }

  void read(const void* data, std::int64_t bytes, const Sink& sink) const {
    if (stream_ == nullptr) return sink(data, static_cast<std::uint64_t>(bytes));
    for (std::int64_t begin = 0; begin < bytes; begin += kBlock) {
      const std::int64_t part = std::min(kBlock, bytes - begin);
      stream_->copy(block_->data(), static_cast<const char*>(data) + begin, part);
      stream_->synchronize();
      sink(block_->data(), static_cast<std::uint64_t>(part));
    }
  }

 private:
  static constexpr std::int64_t kBlock = std::int64_t{4} << 20;
  std::unique_ptr<Stream> stream_;  // none where the device is the host
  std::unique_ptr<Buffer> block_;
};

void write_pieces(const Plan& plan, const Sink& sink) {
  const DeviceReader reader(*plan.device);
  for (const auto& [data, bytes] : plan.weights->pieces()) {
    reader.read(data, bytes, sink);
    write_zeros(static_cast<std::uint64_t>(padded_piece(bytes) - bytes), sink);
  }
}

std::uint64_t padded_bytes(std::span<const WeightArena::Piece> pieces) {
  std::uint64_t sum = 0;
  for (const WeightArena::Piece& piece : pieces)
    sum += static_cast<std::uint64_t>(padded_piece(piece.bytes));
  return sum;
}

std::uint64_t hash_of_pieces(const Plan& plan) {
  ChunkHasher hasher(kPart);
  write_pieces(plan, [&](const void* data, std::uint64_t bytes) { hasher.add(data, bytes); });
  return combine(hasher.finish());
}

// The constants of a graph that have data; the last is followed by zeros up to a page's border.
class Constants {
 public:
  explicit Constants(const Graph& graph) {
    for (const Value& value : graph.values())
      if (value.is_constant && value.data != nullptr) values_.push_back(&value);
    std::uint64_t sum = 0;
    for (const Value* value : values_) sum += padded_bytes(value->shape);
    bytes_ = round_up(sum, kPage);
    padding_ = bytes_ - sum;
  }

  std::uint64_t bytes() const { return bytes_; }

  std::vector<std::uint64_t> hashes() const {
    std::vector<std::uint64_t> hashes;
    for (const Value* value : values_) {
      ChunkHasher hasher(std::numeric_limits<std::uint64_t>::max());
      write(value, [&](const void* data, std::uint64_t bytes) { hasher.add(data, bytes); });
      const std::vector<std::uint64_t> hash = hasher.finish();
      hashes.push_back(hash.empty() ? hash_of(nullptr, 0) : hash[0]);
    }
    return hashes;
  }

  void write(const Sink& sink) const {
    for (const Value* value : values_) write(value, sink);
  }

 private:
  void write(const Value* value, const Sink& sink) const {
    const auto bytes = static_cast<std::uint64_t>(value->shape.elements()) * sizeof(float);
    sink(value->data.get(), bytes);
    write_zeros(padded_bytes(value->shape) - bytes, sink);
    if (value == values_.back()) write_zeros(padding_, sink);
  }

  std::vector<const Value*> values_;
  std::uint64_t bytes_ = 0;
  std::uint64_t padding_ = 0;
};

void record_plan(const Plan& plan, PlanRecord& record) {
  record.device = plan.device->name();
  record.description = plan.device->description();
  record.isa = plan.device->isa();
  record.threads = plan.device->threads();
  record.mode = plan.mode;
  record.tactics = tactics_of(plan);
  record.pieces.clear();
  for (const WeightArena::Piece& piece : plan.weights->pieces())
    record.pieces.push_back(piece.bytes);
}

std::string padded_text(const Json& document) {
  std::string text = document.dump();
  text.resize(round_up(sizeof(Header) + text.size(), kPage) - sizeof(Header), ' ');
  return text;
}

}  // namespace

std::vector<ChosenTactic> tactics_of(const Plan& plan) {
  std::vector<ChosenTactic> tactics;
  std::vector<bool> runs(plan.graph->nodes().size(), false);
  for (const PlanStep& step : plan.steps) {
    if (step.group == kNone) continue;
    tactics.push_back({step.nodes, std::string(step.tactic)});
    for (const NodeId n : step.nodes) runs[static_cast<std::size_t>(n)] = true;
  }
  for (std::size_t n = 0; n < runs.size(); ++n)
    if (!runs[n]) tactics.push_back({{static_cast<NodeId>(n)}, ""});
  return tactics;
}

void write_plan_file(const Plan& plan, PlanRecord record, const std::string& path) {
  KISSA_CHECK(plan.outputs == plan.graph->outputs());
  const Constants constants(*plan.graph);
  record_plan(plan, record);
  Json document = to_json(record);
  document["graph"] = to_json(*plan.graph);
  document["constants"] = constants.hashes();
  const std::string text = padded_text(document);

  Header header = {};
  header.magic = kMagic;
  header.format = kFormat;
  header.metadata_bytes = text.size();
  header.constants_bytes = constants.bytes();
  header.weights_bytes = padded_bytes(plan.weights->pieces());
  header.file_bytes =
      sizeof header + header.metadata_bytes + header.constants_bytes + header.weights_bytes;
  header.metadata_hash = hash_of(text.data(), text.size());
  header.weights_hash = hash_of_pieces(plan);
  header.header_hash = header_hash(header);

  PendingFile file(path);
  const Sink to_file = [&](const void* data, std::uint64_t bytes) { file.write(data, bytes); };
  to_file(&header, sizeof header);
  to_file(text.data(), text.size());
  constants.write(to_file);
  write_pieces(plan, to_file);
  file.keep();
}

// ---- Reading

namespace {

[[noreturn]] void fail_damaged(const std::string& path, std::string_view what) {
  fail(ErrorCode::kInvalidFile,
       "{}: is damaged: the checksum of its {} does not match; build it again", path, what);
}

Header read_header(const File& file) {
  Header header = {};
  if (file.size() >= sizeof header)
    file.read_directly(0, std::as_writable_bytes(std::span(&header, 1)));
  if (header.magic != kMagic)
    fail(ErrorCode::kInvalidFile, "{}: is no plan file of Kissa", file.path());
  if (header.format != kFormat)
    fail(ErrorCode::kInvalidFile,
         "{}: is a plan file of format {}, but this Kissa reads format {}: build it again",
         file.path(), header.format, kFormat);
  if (header.header_hash != header_hash(header)) fail_damaged(file.path(), "header");
  if (header.file_bytes != file.size())
    fail(ErrorCode::kInvalidFile, "{}: holds {} bytes of {}: it was cut short, or is not whole yet",
         file.path(), file.size(), header.file_bytes);
  std::uint64_t left = header.file_bytes - sizeof header;
  for (const std::uint64_t bytes :
       {header.metadata_bytes, header.constants_bytes, header.weights_bytes}) {
    if (bytes > left) fail_damaged(file.path(), "header");
    left -= bytes;
  }
  const bool is_aligned =
      (sizeof header + header.metadata_bytes) % kPage == 0 && header.constants_bytes % kPage == 0;
  if (left != 0 || !is_aligned || header.metadata_bytes > kMaxMetadata)
    fail_damaged(file.path(), "header");
  return header;
}

std::string read_text(const File& file, const Header& header) {
  std::string text(header.metadata_bytes, ' ');
  file.read_directly(sizeof header, std::as_writable_bytes(std::span(text)));
  if (hash_of(text.data(), text.size()) != header.metadata_hash)
    fail_damaged(file.path(), "description");
  return text;
}

}  // namespace

PlanFile::PlanFile(const std::string& path) : file_(path) {
  const Header header = read_header(file_);
  constants_begin_ = sizeof header + header.metadata_bytes;
  constants_bytes_ = header.constants_bytes;
  weights_begin_ = constants_begin_ + constants_bytes_;
  weights_bytes_ = header.weights_bytes;
  weights_hash_ = header.weights_hash;
  map_ = file_.map();
  const std::string text = read_text(file_, header);
  with_context([&] { return path; }, [&] { read_description(text); });
}

void PlanFile::read_description(const std::string& text) {
  Json document;
  try {
    document = Json::parse(text);
  } catch (const Json::exception&) {
    fail(ErrorCode::kInvalidFile, "its description is no JSON");
  }
  record_ = record_from_json(document);
  std::uint64_t bytes = 0;
  for (const std::int64_t piece : record_.pieces) {
    if (piece < 0 || static_cast<std::uint64_t>(piece) > weights_bytes_ - bytes)
      fail(ErrorCode::kInvalidFile, "its packed weights are not where they should be");
    bytes += static_cast<std::uint64_t>(padded_piece(piece));
    if (bytes > weights_bytes_) break;
  }
  if (bytes != weights_bytes_)
    fail(ErrorCode::kInvalidFile, "its packed weights are not where they should be");
  read_graph(json::member(document, "graph"),
             read_member<std::vector<std::uint64_t>>(document, "constants"));
}

void PlanFile::read_graph(const Json& from, const std::vector<std::uint64_t>& hashes) {
  std::vector<Constant> found;
  std::uint64_t next = 0;
  const auto place = [&](const Shape& shape) -> ConstantData {
    const std::uint64_t bytes = padded_bytes(shape);
    if (found.size() == hashes.size() || bytes > constants_bytes_ - next)
      fail(ErrorCode::kInvalidFile, "a constant does not lie in the file");
    found.push_back({next, bytes, hashes[found.size()]});
    const std::byte* data = map_.get() + constants_begin_ + next;
    next += bytes;
    return {map_, reinterpret_cast<const float*>(data)};
  };
  graph_ = std::make_shared<const Graph>(graph_from_json(from, place));
  if (!found.empty()) found.back().bytes = constants_bytes_ - found.back().begin;
  std::size_t i = 0;
  for (std::size_t id = 0; id < graph_->values().size(); ++id) {
    const Value& value = graph_->values()[id];
    if (value.is_constant && value.data != nullptr)
      constants_.emplace(static_cast<ValueId>(id), found[i++]);
  }
}

void PlanFile::read_weights(void* memory, int threads) const {
  const std::uint64_t parts = (weights_bytes_ + kPart - 1) / kPart;
  const std::uint64_t tasks = (parts + kPartsPerTask - 1) / kPartsPerTask;
  if (tasks > static_cast<std::uint64_t>(ThreadPool::kMaxTasks))
    fail(ErrorCode::kInvalidFile, "{}: holds more weights than this Kissa reads", path());
  std::vector<std::uint64_t> hashes(parts);
  std::atomic<bool> failed = false;
  const auto read_part = [&](std::uint64_t part) {
    const std::uint64_t begin = part * kPart;
    const std::span<std::byte> bytes(static_cast<std::byte*>(memory) + begin,
                                     std::min(kPart, weights_bytes_ - begin));
    file_.read_directly(weights_begin_ + begin, bytes);
    hashes[part] = hash_of(bytes.data(), bytes.size());
  };
  ThreadPool pool(threads);
  pool.run(static_cast<int>(tasks), [&](int task, int) {
    const std::uint64_t first = static_cast<std::uint64_t>(task) * kPartsPerTask;
    try {
      for (std::uint64_t part = first; part < std::min(first + kPartsPerTask, parts); ++part)
        read_part(part);
    } catch (const Error&) {
      failed = true;
    }
  });
  if (failed) fail(ErrorCode::kInvalidFile, "{}: its weights cannot be read", path());
  if (combine(hashes) != weights_hash_) fail_damaged(path(), "packed weights");
}

void PlanFile::check_constant(ValueId id) const {
  const auto it = constants_.find(id);
  if (it == constants_.end()) return;
  const Constant& constant = it->second;
  if (hash_of(map_.get() + constants_begin_ + constant.begin, constant.bytes) != constant.hash)
    fail_damaged(path(), "parameters");
}

void PlanFile::check_all_constants() const {
  for (const auto& entry : constants_) check_constant(entry.first);
}

}  // namespace kissa
