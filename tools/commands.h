// The commands of the program: each adds itself to the command line and runs when it is named
// there.
#pragma once

#include <CLI/CLI.hpp>

namespace kissa::tools {

void add_classify(CLI::App& program);
void add_run(CLI::App& program);
void add_detect(CLI::App& program);
void add_eval(CLI::App& program);
void add_inspect(CLI::App& program);
void add_bench(CLI::App& program);
void add_profile(CLI::App& program);
void add_compare(CLI::App& program);
void add_study(CLI::App& program);
void add_report(CLI::App& program);
void add_completion(CLI::App& program);
void add_man(CLI::App& program);
void add_devices(CLI::App& program);
void add_build(CLI::App& program);
void add_refit(CLI::App& program);
void add_export(CLI::App& program);
void add_convert(CLI::App& program);

}  // namespace kissa::tools
