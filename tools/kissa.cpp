// The program kissa: reads the command line, runs one command, reports what went wrong in one line.
// Status 0: done; 1: an error of the input or the machine; 2: a command line that makes no sense;
// 130: interrupted, what was measured until then is kept.
#include "kissa/kissa.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/near_match.h"
#include "commands.h"
#include "interrupt.h"
#include "progress.h"

namespace kissa::tools {
namespace {

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;
constexpr int kInterrupted = 130;

constexpr std::array kCommands = {
#ifdef KISSA_HAS_IMAGES
    add_classify, add_detect,  add_eval,
#endif
    add_run,      add_inspect, add_bench, add_profile, add_compare, add_study,
#ifdef KISSA_HAS_REPORT
    add_report,
#endif
    add_devices,  add_build,   add_refit, add_export,  add_convert, add_completion, add_man};

constexpr const char* kExamples =
    "Examples:\n"
    "  kissa classify deploy.prototxt net.caffemodel mean.binaryproto labels.txt cat.jpg\n"
    "  kissa run net.prototxt net.caffemodel --input data=image.npy --output-dir out\n"
    "  kissa eval deploy.prototxt net.caffemodel mean.binaryproto --images val --ground-truth "
    "val.txt\n"
    "  kissa detect deploy.prototxt face.caffemodel group.jpg --mean-values 104,177,123\n"
    "  kissa inspect deploy.prototxt\n"
    "  kissa bench deploy.prototxt net.caffemodel --threads 2\n"
    "  kissa profile deploy.prototxt net.caffemodel\n"
    "  kissa compare fp32 bf16 deploy.prototxt net.caffemodel --images val\n"
    "  kissa study deploy.prototxt net.caffemodel --save study.json\n"
#ifdef KISSA_HAS_REPORT
    "  kissa report study.json -o report.html\n"
#endif
    "  kissa completion bash\n"
    "  kissa man > kissa.1\n"
    "  kissa devices --json devices.json\n"
    "  kissa build deploy.prototxt net.caffemodel -o net.kissa\n"
    "  kissa refit net.kissa new.caffemodel -o new.kissa\n"
    "  kissa export --onnx net.onnx deploy.prototxt net.caffemodel\n"
    "  kissa convert --upgrade old.prototxt --prototxt-out new.prototxt\n"
    "'kissa COMMAND --help' shows the options of a command.\n";

// Names in a file may hold anything: one message stays one line that is safe on a terminal.
std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return line;
}

int report(std::string_view message, int status) {
  std::fflush(stdout);
  fmt::print(stderr, "kissa: {}\n", one_line(message));
  return status;
}

void add_program_options(CLI::App& program, bool& verbose, std::vector<std::string>& plugins) {
  program.require_subcommand(1);
  program.set_version_flag("--version", "kissa " + version());
  program.footer(kExamples);
  program.fallthrough();
  program.add_flag("--verbose", verbose, "Also say what is done on the way");
  program
      .add_option("--plugin", plugins,
                  "A shared object with layer types of yours (kissa/plugin.h); may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  for (const auto add_command : kCommands) add_command(program);
}

void log_to_stderr(bool verbose) {
  set_log_sink([verbose](LogLevel level, std::string_view text) {
    if (level == LogLevel::kInfo && !verbose) return;
    const char* kind = level == LogLevel::kWarning ? "warning: " : "";
    fmt::print(stderr, "{}kissa: {}{}\n", line_wipe(), kind, one_line(text));
  });
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::string explain_option(const CLI::App& program, const CLI::App& command,
                           const std::string& argument) {
  const std::string option = argument.substr(0, argument.find('='));
  std::vector<std::string> names = option_names(command);
  for (std::string& name : option_names(program)) names.push_back(std::move(name));
  return "unknown option '" + option + "'" + did_you_mean(option, {names.begin(), names.end()});
}

std::string explain_command(const CLI::App& program, const std::string& argument) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands(nullptr))
    names.push_back(command->get_name());
  return "unknown command '" + argument + "'" +
         did_you_mean(argument, {names.begin(), names.end()});
}

// What is wrong with a command line that CLI11 refused as `refusal`. An unknown word explains more
// than what is missing because of it.
std::string explain_usage(const CLI::App& program, const CLI::ParseError& refusal) {
  const std::vector<CLI::App*> used = program.get_subcommands();
  const CLI::App& command = used.empty() ? program : *used.front();
  const std::vector<std::string> unknown = program.remaining(true);
  const auto option = std::find_if(unknown.begin(), unknown.end(), [](const std::string& word) {
    return word.size() > 1 && word.starts_with('-');
  });
  if (option != unknown.end()) return explain_option(program, command, *option);
  if (used.empty())
    return unknown.empty() ? "no command given" : explain_command(program, unknown.front());
  if (!unknown.empty()) return "unexpected argument '" + unknown.front() + "'";
  return refusal.what();
}

int refuse_usage(const CLI::App& program, const CLI::ParseError& refusal) {
  const std::vector<CLI::App*> used = program.get_subcommands();
  const std::string name = used.empty() ? "kissa" : "kissa " + used.front()->get_name();
  return report(explain_usage(program, refusal) + "; see '" + name + " --help'", kBadUsage);
}

int run_program(int argc, char** argv) {
  CLI::App program("Kissa runs trained Caffe models.", "kissa");
  bool verbose = false;
  std::vector<std::string> plugins;
  add_program_options(program, verbose, plugins);
  program.parse_complete_callback([&] {
    log_to_stderr(verbose);
    for (const std::string& plugin : plugins) load_plugin(plugin);
  });
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& help) {
    program.exit(help);
  } catch (const CLI::ParseError& refusal) {
    return refuse_usage(program, refusal);
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return report(std::string("standard output cannot be written: ") + std::strerror(errno),
                  kFailed);
  return interrupted() ? kInterrupted : 0;
}

int guarded_main(int argc, char** argv) {
  try {
    return run_program(argc, argv);
  } catch (const std::bad_alloc&) {
    return report("out of memory", kFailed);
  } catch (const std::exception& error) {
    return report(error.what(), kFailed);
  }
}

}  // namespace
}  // namespace kissa::tools

int main(int argc, char** argv) { return kissa::tools::guarded_main(argc, argv); }
