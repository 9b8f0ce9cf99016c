// kissa report: one self-contained page of saved results.
#include <fmt/core.h>

#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "commands.h"
#include "report_page.h"
#include "result.h"

namespace kissa::tools {
namespace {

struct ReportOptions {
  std::vector<std::string> results;
  std::string output;
};

void replace(std::string& text, std::string_view placeholder, std::string_view with) {
  const std::size_t at = text.find(placeholder);
  KISSA_CHECK(at != std::string::npos);
  text.replace(at, placeholder.size(), with);
}

// Nothing in it ends a script element or begins another.
std::string script_safe(const std::string& json) {
  std::string safe;
  safe.reserve(json.size());
  for (const char c : json) {
    if (c == '<')
      safe += "\\u003c";
    else
      safe += c;
  }
  return safe;
}

void write_report(const ReportOptions& options) {
  Json results = Json::array();
  for (const std::string& path : options.results) {
    Json result = read_result(path);
    result["source"] = path.substr(path.find_last_of('/') + 1);
    results.push_back(std::move(result));
  }
  std::string page = kReportPage;
  replace(page, "@SCRIPT@", kReportScript);
  replace(page, "@CHARTS@", kReportCharts);
  replace(page, "@STYLE@", kReportStyle);
  replace(page, "@DATA@", script_safe(to_line(results)));
  PendingFile file(options.output);
  file.write(page.data(), page.size());
  file.keep();
  fmt::print("{}\n", options.output);
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa report study.json -o report.html\n"
    "  kissa report cpu.json gpu.json compare.json -o report.html\n";

}  // namespace

void add_report(CLI::App& program) {
  CLI::App& command = *program.add_subcommand(
      "report", "Make one page of saved results, with charts, that any browser opens offline");
  auto options = std::make_shared<ReportOptions>();
  command.footer(kExamples);
  command
      .add_option("results", options->results,
                  "Results of study --save, and of --json of bench, profile, compare, devices")
      ->type_name("FILE")
      ->required();
  command.add_option("-o,--output", options->output, "The page")->type_name("FILE")->required();
  command.callback([options] { write_report(*options); });
}

}  // namespace kissa::tools
