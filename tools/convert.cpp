// kissa convert: Caffe's files in another of Caffe's formats.
#include "base/error.h"
#include "commands.h"
#include "options.h"

namespace kissa::tools {
namespace {

struct ConvertOptions {
  std::string prototxt;
  std::string weights;
  bool upgrade = false;
  std::string prototxt_out;
  std::string weights_out;
};

void convert(const ConvertOptions& options) {
  if (!options.upgrade) fail(ErrorCode::kInvalidArgument, "nothing to do: give --upgrade");
  if (is_none(options.weights) != options.weights_out.empty())
    fail(ErrorCode::kInvalidArgument,
         "a weight file to read and --weights-out FILE go together: give both or neither");
  upgrade_caffe_network(options.prototxt, options.prototxt_out);
  if (!is_none(options.weights)) upgrade_caffe_weights(options.weights, options.weights_out);
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa convert --upgrade old.prototxt old.caffemodel --prototxt-out new.prototxt \\\n"
    "      --weights-out new.caffemodel\n";

}  // namespace

void add_convert(CLI::App& program) {
  CLI::App& command =
      *program.add_subcommand("convert", "Write Caffe's older formats (V0, V1) in today's");
  auto options = std::make_shared<ConvertOptions>();
  command.footer(kExamples);
  command.add_option("net", options->prototxt, "Network definition (prototxt)")
      ->type_name("FILE")
      ->required();
  command.add_option("weights", options->weights, "Weights (caffemodel); - or nothing for none")
      ->type_name("FILE");
  command.add_flag("--upgrade", options->upgrade, "To today's format, V2");
  command.add_option("--prototxt-out", options->prototxt_out, "The definition to write")
      ->type_name("FILE")
      ->required();
  command.add_option("--weights-out", options->weights_out, "The weights to write")
      ->type_name("FILE");
  command.callback([options] { convert(*options); });
}

}  // namespace kissa::tools
