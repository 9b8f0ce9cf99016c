// kissa completion and kissa man: what the program says of itself, for shells and for man.
#include <fmt/core.h>

#include "commands.h"
#include "kissa/kissa.h"
#include "manual.h"

namespace kissa::tools {

void add_completion(CLI::App& program) {
  CLI::App& command =
      *program.add_subcommand("completion", "Print the completion of commands for a shell");
  auto shell = std::make_shared<std::string>();
  command.footer(
      "Example:\n"
      "  kissa completion bash > ~/.local/share/bash-completion/completions/kissa\n"
      "  kissa completion zsh > ~/.zfunc/_kissa\n"
      "  kissa completion fish > ~/.config/fish/completions/kissa.fish\n");
  command.add_option("shell", *shell, "bash, zsh or fish")->type_name("SHELL")->required();
  command.callback([shell, &program] { fmt::print("{}", completion_for(*shell, program)); });
}

void add_man(CLI::App& program) {
  CLI::App& command = *program.add_subcommand("man", "Print the manual page");
  command.footer(
      "Example:\n"
      "  kissa man > ~/.local/share/man/man1/kissa.1\n");
  command.callback([&program] { fmt::print("{}", manual_page(program, version())); });
}

}  // namespace kissa::tools
