// Shell completions and the manual page, from what the command line itself says.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace kissa::tools {

// For the shell "bash", "zsh" or "fish".
std::string completion_for(const std::string& shell, const CLI::App& program);

// In the language of man(7): all commands with their options and examples.
std::string manual_page(const CLI::App& program, const std::string& version);

}  // namespace kissa::tools
