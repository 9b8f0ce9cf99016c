// kissa export: a network in another program's format.
#include "base/error.h"
#include "commands.h"
#include "options.h"

namespace kissa::tools {
namespace {

struct ExportOptions {
  NetworkOptions network;
  std::optional<std::int64_t> batch;
  std::string onnx;
  OnnxOptions as_onnx;
};

void export_network(const ExportOptions& options) {
  Model model = load_network(options.network);
  if (options.batch) model = model.with_batch(*options.batch);
  model.save_onnx(options.onnx, options.as_onnx);
}

constexpr const char* kExamples =
    "Examples:\n"
    "  kissa export --onnx net.onnx deploy.prototxt net.caffemodel\n"
    "  kissa export --onnx net.onnx --opset 17 --batch 8 deploy.prototxt net.caffemodel\n";

}  // namespace

void add_export(CLI::App& program) {
  CLI::App& command = *program.add_subcommand("export", "Write a network as an ONNX file");
  auto options = std::make_shared<ExportOptions>();
  command.footer(kExamples);
  command.add_option("net", options->network.prototxt, "Network definition (prototxt)")
      ->type_name("FILE")
      ->required();
  command
      .add_option("weights", options->network.weights,
                  "Weights (caffemodel); - or nothing for none")
      ->type_name("FILE");
  command.add_option("--onnx", options->onnx, "The file to write")->type_name("FILE")->required();
  command
      .add_option("--opset", options->as_onnx.opset,
                  fmt::format("Version of ONNX's operators, from {} to {} ({})", kMinOnnxOpset,
                              kMaxOnnxOpset, options->as_onnx.opset))
      ->type_name("N");
  command
      .add_option("--outputs", options->as_onnx.outputs,
                  "Blobs that become the outputs; what only the network's own need is left out")
      ->type_name("BLOB,...")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_flag("--expand-lrn", options->as_onnx.expand_lrn,
                   "Write LRN across channels as a convolution and roots, which ONNX Runtime "
                   "computes faster");
  command.add_option("--batch", options->batch, "First extent of every input (the file's)")
      ->type_name("N");
  add_random_weights(command, options->network);
  add_network_rules(command, options->network);
  command.callback([options] { export_network(*options); });
}

}  // namespace kissa::tools
