// kissa_layer_table [--write] FILE: the table of docs/layers.md, from the lists of the code itself:
// which layer types are imported, what each becomes, and what runs that on a CPU, on a GPU and as
// ONNX, asked with the cases of tests/cases. Fails where the file says otherwise; --write writes
// it. A build without CUDA takes that column from the file.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "backends/registry.h"
#include "base/error.h"
#include "base/file.h"
#include "cases.h"
#include "export/onnx.h"
#include "import/caffe/import.h"
#include "ir/rewrite.h"
#include "planner/partition.h"

namespace kissa {
namespace {

namespace fs = std::filesystem;

// What a layer type becomes where that is not the op of its own name. Types without an op give the
// network inputs or constants, or are left out of it.
const std::map<std::string, std::vector<std::string>, std::less<>> kOpsOf = {
    {"AnnotatedData", {}},
    {"Axpy", {"flatten", "scale", "eltwise"}},
    {"BN", {"batch_norm", "scale"}},
    {"CTCGreedyDecoder", {}},
    {"ContinuationIndicator", {}},
    {"ConvolutionDepthwise", {"convolution"}},
    {"Data", {}},
    {"DenseBlock", {"batch_norm", "scale", "relu", "convolution", "concat"}},
    {"DenseImageData", {}},
    {"DepthwiseConvolution", {"convolution"}},
    {"DetectionEvaluate", {}},
    {"Dropout", {"identity"}},
    {"DummyData", {}},
    {"EuclideanLoss", {"distance_loss"}},
    {"EvalDetection", {}},
    {"HDF5Data", {}},
    {"HDF5Output", {}},
    {"ImageData", {}},
    {"Input", {}},
    {"L1Loss", {"distance_loss"}},
    {"Lstm", {"reshape", "lstm"}},
    {"MemoryData", {}},
    {"Parameter", {}},
    {"Python", {}},
    {"ReLU6", {"clip"}},
    {"SPP", {"pooling", "flatten", "concat"}},
    {"SeLu", {"elu", "power"}},
    {"SeLuDropout", {"identity"}},
    {"Silence", {}},
    {"SoftmaxWithLoss", {"softmax_loss"}},
    {"Split", {"identity"}},
    {"Transpose", {"permute"}},
    {"Upsample", {"upsample", "unpool"}},
    {"VideoData", {}},
    {"WindowData", {}},
    {"YoloDetectionOutput", {}},
    {"Yolov3DetectionOutput", {}},
};

// What runs a case: a kernel made for the op, what runs any op, or nothing.
enum class Runs { kKernel, kPlain, kNot };

// How many of an op's cases something runs, and how.
struct Share {
  int kernels = 0;
  int plain = 0;
  int all = 0;

  void add(Runs how) {
    kernels += how == Runs::kKernel;
    plain += how == Runs::kPlain;
    ++all;
  }
  std::string words(const char* kernel, const char* plain_kernel, const char* none = "no") const {
    if (kernels + plain == 0) return none;
    const std::string most = kernels > 0 ? kernel : plain_kernel;
    return kernels == all || plain == all ? most : most + ", but for some parameters";
  }
  // Grows with what the words promise.
  int rank() const { return kernels == all ? 4 : kernels > 0 ? 3 : plain == all ? 2 : plain > 0; }
};

struct Support {
  Share cpu;
  Share cuda;
  Share onnx;
};

using SupportByOp = std::map<std::string, Support, std::less<>>;

Graph graph_of(const OpCase& op_case) {
  Graph graph;
  Node node{.name = op_case.name, .op = op_case.op};
  CaseData data(op_case, 1);
  for (std::size_t i = 0; i < op_case.in.size(); ++i)
    node.inputs.push_back(graph.add_input(fmt::format("in{}", i), op_case.in[i]));
  for (const ParamSpec& spec : params_of(op_case.op, op_case.in)) {
    const std::size_t at = node.inputs.size() + node.params.size();
    node.params.push_back(graph.add_constant(std::string(spec.name), spec.shape,
                                             make_constant(std::move(data.tensors()[at]))));
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < infer(op_case.op, op_case.in).size(); ++i)
    names.push_back(fmt::format("out{}", i));
  for (const ValueId id : graph.node(graph.add_node(node, names)).outputs) graph.add_output(id);
  return graph;
}

Runs runs_on(const Graph& graph, TacticList tactics) {
  if (is_free(graph, graph.nodes()[0])) return Runs::kKernel;
  const Region region = region_of(graph, {0}, graph.outputs()).region;
  Runs best = Runs::kNot;
  for (const Tactic* tactic : tactics) {
    // A library that is found at run time may be another machine's.
    if (tactic->name().starts_with("cuda.host") || tactic->name().starts_with("cudnn.") ||
        tactic->refuse(region))
      continue;
    if (tactic->name() != "cpu.reference" && !tactic->name().starts_with("cuda.plain"))
      return Runs::kKernel;
    best = Runs::kPlain;
  }
  return best;
}

Runs runs_as_onnx(const Graph& graph, const std::string& path) {
  try {
    export_onnx(graph, path, {});
    return Runs::kKernel;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    return Runs::kNot;
  }
}

const Backend* find_backend(std::string_view name) {
  const auto all = backends();
  const auto it =
      std::find_if(all.begin(), all.end(), [&](const Backend& one) { return one.name == name; });
  return it == all.end() ? nullptr : &*it;
}

SupportByOp support_of_ops() {
  const std::string scratch = fs::temp_directory_path() / fmt::format("kissa_{}.onnx", ::getpid());
  const Backend& cpu = *find_backend("cpu");
  const Backend* cuda = find_backend("cuda");
  SupportByOp support;
  for (const OpCase& op_case : read_all_cases(KISSA_CASES_DIR)) {
    if (op_case.large) continue;
    const Graph graph = graph_of(op_case);
    Support& op = support[std::string(name_of(op_case.op))];
    op.cpu.add(runs_on(graph, cpu.tactics(Mode::kFused, Precision::kFp32)));
    if (cuda != nullptr) op.cuda.add(runs_on(graph, cuda->tactics(Mode::kFused, Precision::kFp32)));
    op.onnx.add(runs_as_onnx(graph, scratch));
  }
  fs::remove(scratch);
  return support;
}

std::string op_name_of(std::string_view type) {
  std::string name;
  for (const char c : type)
    if (c != '_') name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

std::vector<std::string> ops_of(std::string_view type, const SupportByOp& support) {
  const auto told = kOpsOf.find(type);
  if (told != kOpsOf.end()) return told->second;
  for (const auto& [op, _] : support)
    if (op_name_of(op) == op_name_of(type)) return {op};
  fail(ErrorCode::kInvalidArgument,
       "layer type '{}': give its ops in tests/layer_table.cpp, and a case in tests/cases", type);
}

const Support& find_op(const SupportByOp& support, const std::string& op) {
  const auto it = support.find(op);
  if (it == support.end())
    fail(ErrorCode::kInvalidArgument, "op '{}' has no case in tests/cases", op);
  return it->second;
}

using Cells = std::vector<std::string>;

Cells cells_of(std::string_view type, const SupportByOp& support) {
  const std::vector<std::string> ops = ops_of(type, support);
  if (ops.empty()) return {std::string(type), "", "-", "-", "-"};
  // A type is as well off as the worst of its ops.
  Support worst = find_op(support, ops[0]);
  for (const std::string& op : ops)
    for (Share Support::*part : {&Support::cpu, &Support::cuda, &Support::onnx}) {
      const Share& share = find_op(support, op).*part;
      if (share.rank() < (worst.*part).rank()) worst.*part = share;
    }
  return {std::string(type), fmt::format("{}", fmt::join(ops, ", ")),
          worst.cpu.words("kernel", "reference"),
          find_backend("cuda") == nullptr ? "" : worst.cuda.words("kernel", "plain kernel", "CPU"),
          worst.onnx.words("yes", "")};
}

// The CUDA column of the table in a text, by layer type.
std::map<std::string, std::string> cuda_column(const std::string& text) {
  std::map<std::string, std::string> column;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    Cells cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, '|');) cells.push_back(cell);
    if (cells.size() == 6) column[cells[1]] = cells[4];
  }
  return column;
}

constexpr const char* kDifferences = R"(
Where Kissa knowingly differs from BVLC Caffe: a convolution whose window is larger than its padded input
is refused (Caffe divides towards 0, so that it computes one place where the window is larger by less
than the stride); a Parameter layer's top that no layer reads is not an output.
)";

constexpr const char* kIntroduction = R"(# Layers

Written by `kissa_layer_table --write docs/layers.md` from the lists of the code; a test compares them.

- **becomes**: the ops of the graph (src/ops). Where there is none, the layer is an input or a constant, or is
  left out with a word in the log: it reads or writes files, or comes behind the network.
- **CPU**, **CUDA**: what runs it in fused mode in FP32. Kernel: one made for it. Reference: plain loops.
  Plain kernel: simple, one thread an output. CPU: plain loops there,
  between copies (`cuda.host.reference` in a profile).
- **ONNX**: whether `kissa export` can say it ([export.md](export.md)).

)";

std::string document(const std::string& old) {
  const auto support = support_of_ops();
  const auto known_cuda = cuda_column(old);
  std::string text = kIntroduction;
  text += "| layer | becomes | CPU | CUDA | ONNX |\n|---|---|---|---|---|\n";
  std::vector<std::string> missing;
  for (const CaffeLayerType& type : caffe_layer_types()) {
    if (!type.is_supported) {
      missing.emplace_back(type.name);
      continue;
    }
    Cells cells = cells_of(type.name, support);
    const auto known = known_cuda.find(" " + cells[0] + " ");
    if (cells[3].empty() && known != known_cuda.end())
      cells[3] = known->second.substr(1, known->second.size() - 2);
    text += fmt::format("| {} |\n", fmt::join(cells, " | "));
  }
  if (!missing.empty())
    text += fmt::format("\nKnown and refused by name: {}.\n", fmt::join(missing, ", "));
  text += kDifferences;
  return text;
}

std::string read(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

int check(const std::string& path, bool write) {
  const std::string old = read(path);
  const std::string text = document(old);
  if (text == old) return 0;
  if (!write) {
    fmt::print(stderr, "{} is out of date: run kissa_layer_table --write {}\n", path, path);
    return 1;
  }
  PendingFile file(path);
  file.write(text.data(), text.size());
  file.keep();
  return 0;
}

}  // namespace
}  // namespace kissa

int main(int argc, char** argv) {
  const bool write = argc == 3 && std::string_view(argv[1]) == "--write";
  if (argc != 2 && !write) return 2;
  try {
    return kissa::check(argv[argc - 1], write);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
