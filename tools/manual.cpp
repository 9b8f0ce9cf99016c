#include "manual.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <array>
#include <vector>

#include "base/error.h"

namespace kissa::tools {
namespace {

struct Values {
  const char* option;
  const char* words;
};
constexpr std::array kValues = {
    Values{"mode", "caffe fused"}, Values{"precision", "fp32 tf32 fp16 bf16 int8"},
    Values{"device", "cpu cuda"},  Values{"cuda-graph", "on off"},
    Values{"phase", "test train"}, Values{"shell", "bash zsh fish"}};

std::string values_of(const std::string& option) {
  for (const Values& known : kValues)
    if (option == known.option) return known.words;
  return {};
}

std::vector<const CLI::App*> commands_of(const CLI::App& program) {
  return program.get_subcommands([](const CLI::App*) { return true; });
}

// With a name that begins with "--", and not hidden.
std::vector<const CLI::Option*> options_of(const CLI::App& command) {
  std::vector<const CLI::Option*> options;
  for (const CLI::Option* option : command.get_options())
    if (!option->get_lnames().empty() && !option->get_group().empty()) options.push_back(option);
  return options;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::string flags_of(const CLI::App& command) {
  std::string flags;
  for (const CLI::Option* option : options_of(command))
    for (const std::string& name : option->get_lnames()) flags += " --" + name;
  return flags;
}

std::string without(std::string text, std::string_view characters) {
  std::erase_if(text, [&](char c) { return characters.find(c) != std::string_view::npos; });
  return text;
}

std::string bash_completion(const CLI::App& program) {
  std::string names, cases, values;
  for (const CLI::App* command : commands_of(program)) {
    names += (names.empty() ? "" : " ") + command->get_name();
    cases += fmt::format("    {}) options=\"{}\" ;;\n", command->get_name(),
                         flags_of(*command).substr(1));
  }
  for (const Values& known : kValues)
    values += fmt::format("    --{}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;\n",
                          known.option, known.words);
  return fmt::format(
      R"(# Completion of kissa for bash: kissa completion bash > ~/.local/share/bash-completion/completions/kissa
_kissa() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
  local commands="{}" command="" options="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ " $commands " == *" ${{COMP_WORDS[i]}} "* ]]; then command=${{COMP_WORDS[i]}}; break; fi
  done
  case $before in
{}  esac
  case $command in
    "") COMPREPLY=($(compgen -W "$commands --help --version --verbose" -- "$word")); return ;;
    completion) COMPREPLY=($(compgen -W "bash zsh fish" -- "$word")); return ;;
{}  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -o filenames -F _kissa kissa
)",
      names, values, cases);
}

std::string zsh_completion(const CLI::App& program) {
  std::string names, cases;
  for (const CLI::App* command : commands_of(program)) {
    names +=
        fmt::format("    '{}:{}'\n", command->get_name(), without(command->get_description(), "'"));
    cases += fmt::format("    {}) _arguments", command->get_name());
    for (const CLI::Option* option : options_of(*command)) {
      const std::string& name = option->get_lnames().front();
      cases +=
          fmt::format(" \\\n      '*--{}[{}]", name, without(option->get_description(), "'[]:\\"));
      if (takes_value(*option)) {
        const std::string values = values_of(name);
        cases += values.empty() ? fmt::format(":{}:_files", name)
                                : fmt::format(":{}:({})", name, values);
      }
      cases += "'";
    }
    cases += command->get_name() == "completion" ? " ':shell:(bash zsh fish)' ;;\n"
                                                 : " '*:file:_files' ;;\n";
  }
  return fmt::format(R"(#compdef kissa
_kissa() {{
  local -a commands
  commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name=$words[2]
  shift words
  (( CURRENT-- ))
  case $name in
{}  esac
}}
_kissa "$@"
)",
                     names, cases);
}

std::string fish_completion(const CLI::App& program) {
  std::string text = "# Completion of kissa for fish\n";
  for (const CLI::App* command : commands_of(program)) {
    text += fmt::format("complete -c kissa -n __fish_use_subcommand -f -a {} -d '{}'\n",
                        command->get_name(), without(command->get_description(), "'\\"));
    for (const CLI::Option* option : options_of(*command)) {
      const std::string& name = option->get_lnames().front();
      const std::string values = values_of(name);
      text +=
          fmt::format("complete -c kissa -n '__fish_seen_subcommand_from {}' -l {}{}{} -d '{}'\n",
                      command->get_name(), name, takes_value(*option) ? " -r" : "",
                      values.empty() ? "" : fmt::format(" -f -a '{}'", values),
                      without(option->get_description(), "'\\"));
    }
  }
  return text +
         "complete -c kissa -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n";
}

// Text of a manual page: no line begins with what man(7) takes for a request.
std::string roff(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (safe.empty() || safe.back() == '\n')) safe += "\\&";
    if (c == '\\')
      safe += "\\e";
    else if (c == '-')
      safe += "\\-";
    else
      safe += c;
  }
  return safe;
}

std::string manual_option(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  std::string text =
      fmt::format(".TP\n\\fB{}\\fR", roff(fmt::format("{}", fmt::join(names, ", "))));
  if (takes_value(option) && !option.get_type_name().empty())
    text += fmt::format(" \\fI{}\\fR", roff(option.get_type_name()));
  return text + fmt::format("\n{}\n", roff(option.get_description()));
}

std::string manual_command(const CLI::App& command) {
  std::string usage, arguments, options;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) {
      const std::string name = option->get_name(true);
      usage += option->get_required() ? fmt::format(" \\fI{}\\fR", roff(name))
                                      : fmt::format(" [\\fI{}\\fR]", roff(name));
      arguments +=
          fmt::format(".TP\n\\fI{}\\fR\n{}\n", roff(name), roff(option->get_description()));
    }
  }
  for (const CLI::Option* option : options_of(command)) options += manual_option(*option);
  return fmt::format(
      ".SS \"kissa {}\"\n{}.\n.PP\n\\fBkissa {}\\fR{} [\\fIoptions\\fR]\n{}{}.PP\n.nf\n{}\n.fi\n",
      command.get_name(), roff(command.get_description()), command.get_name(), usage, arguments,
      options, roff(command.get_footer()));
}

}  // namespace

std::string completion_for(const std::string& shell, const CLI::App& program) {
  if (shell == "bash") return bash_completion(program);
  if (shell == "zsh") return zsh_completion(program);
  if (shell == "fish") return fish_completion(program);
  fail(ErrorCode::kInvalidArgument, "there is no completion for '{}': give bash, zsh or fish",
       shell);
}

std::string manual_page(const CLI::App& program, const std::string& version) {
  std::string text = fmt::format(
      ".TH KISSA 1 \"\" \"kissa {}\" \"User Commands\"\n.SH NAME\nkissa \\- runs trained Caffe "
      "models\n.SH SYNOPSIS\n\\fBkissa\\fR \\fIcommand\\fR [\\fIarguments\\fR] [\\fIoptions\\fR]\n"
      ".SH DESCRIPTION\n{}\n.SH OPTIONS\n",
      version, roff(program.get_description()));
  for (const CLI::Option* option : options_of(program)) text += manual_option(*option);
  text += ".SH COMMANDS\n";
  for (const CLI::App* command : commands_of(program)) text += manual_command(*command);
  text += fmt::format(".SH EXAMPLES\n.nf\n{}\n.fi\n", roff(program.get_footer()));
  return text +
         ".SH EXIT STATUS\n.TP\n0\nDone.\n.TP\n1\nAn error of the input or the machine, told in "
         "one "
         "line.\n.TP\n2\nA command line that makes no sense.\n.TP\n130\nInterrupted: what was "
         "measured until then is kept.\n";
}

}  // namespace kissa::tools
