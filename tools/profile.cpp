// kissa profile: where a network's time goes, step by step and by family of tactics.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/error.h"
#include "commands.h"
#include "latency.h"
#include "subject.h"

namespace kissa::tools {
namespace {

struct ProfileOptions : SubjectOptions {
  std::int64_t runs = 20;
  double warmup_ms = 200;
  double duration_s = 3;
};

struct Profile {
  std::vector<double> step_us;  // medians, one a step
  double whole_us = 0;          // the median of runs that wait for no step

  double sum_us() const { return std::accumulate(step_us.begin(), step_us.end(), 0.0); }
};

void check_options(const ProfileOptions& options) {
  if (options.runs < 1)
    fail(ErrorCode::kInvalidArgument, "--runs {}: give 1 or more", options.runs);
  if (!(options.warmup_ms >= 0))
    fail(ErrorCode::kInvalidArgument, "--warmup-ms {}: give 0 or more", options.warmup_ms);
  if (!(options.duration_s >= 0))
    fail(ErrorCode::kInvalidArgument, "--duration {}: give 0 or more", options.duration_s);
}

// Runs of both kinds take turns, so that the machine's moods meet both.
Profile measure(const ProfileOptions& options, Context& context, std::size_t steps) {
  time_runs(context, 1, options.warmup_ms);
  std::vector<std::vector<double>> times(steps);
  std::vector<double> whole_ms;
  const auto start = std::chrono::steady_clock::now();
  while (std::ssize(whole_ms) < options.runs || elapsed_ms(start) < options.duration_s * 1e3) {
    whole_ms.push_back(time_runs(context, 1, 0).times_ms[0]);
    const std::vector<double> run = context.run_timed();
    for (std::size_t i = 0; i < steps; ++i) times[i].push_back(run[i]);
  }
  Profile profile;
  profile.whole_us = summarize(std::move(whole_ms)).median * 1e3;
  for (std::vector<double>& of_step : times)
    profile.step_us.push_back(summarize(std::move(of_step)).median);
  return profile;
}

// "cpu.conv.winograd_f4.f32.avx512" -> "conv.winograd_f4": without device, type and ISA.
std::string family_of(const std::string& tactic) {
  const std::size_t begin = tactic.find('.') + 1;
  std::size_t end = tactic.size();
  for (const char* type : {".f32", ".tf32", ".bf16", ".f16", ".i8"})
    end = std::min(end, tactic.find(type));
  return tactic.substr(begin, end - begin);
}

void print_row(double us, double whole, const std::string& left, const std::string& right) {
  fmt::print("{:>11.1f} {:>6.2f} %  {:<36} {}\n", us, us / whole * 100, left, right);
}

void print_steps(const std::vector<StepInfo>& steps, const Profile& profile) {
  const double sum = profile.sum_us();
  fmt::print("=== Steps ===\n{:>11} {:>8}  {:<36} {}\n", "median us", "share", "tactic", "layers");
  for (std::size_t i = 0; i < steps.size(); ++i)
    print_row(profile.step_us[i], sum, steps[i].tactic, what_runs(steps[i]));
}

void print_families(const std::vector<StepInfo>& steps, const Profile& profile) {
  struct Family {
    std::string name;
    double us = 0;
    int steps = 0;
  };
  std::map<std::string, Family> by_name;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string name = family_of(steps[i].tactic);
    Family& family = by_name[name];
    family.name = name;
    family.us += profile.step_us[i];
    ++family.steps;
  }
  std::vector<Family> families;
  for (auto& entry : by_name) families.push_back(std::move(entry.second));
  std::stable_sort(families.begin(), families.end(),
                   [](const Family& a, const Family& b) { return a.us > b.us; });
  fmt::print("\n=== Families ===\n{:>11} {:>8}  {:<36} {}\n", "us", "share", "family", "steps");
  for (const Family& family : families)
    print_row(family.us, profile.sum_us(), family.name, std::to_string(family.steps));
}

void print_check(const Profile& profile) {
  const double sum = profile.sum_us();
  fmt::print("\n=== Check ===\nSum of steps: {:.1f} us\nWhole run: {:.1f} us (median)\n", sum,
             profile.whole_us);
  fmt::print("Difference: {:+.1f} %\n", (sum / profile.whole_us - 1) * 100);
}

void profile(const CLI::App& command, const ProfileOptions& options) {
  Subject subject = prepare_subject(command, options);
  const std::vector<StepInfo> steps = subject.engine.steps();
  fmt::print("=== Configuration ===\n");
  print_subject(options, subject);
  fmt::print("Runs: at least {} and {} s, after {} ms to warm up\n\n", options.runs,
             options.duration_s, options.warmup_ms);
  std::fflush(stdout);
  const Profile result = measure(options, subject.context, steps.size());
  print_steps(steps, result);
  print_families(steps, result);
  print_check(result);
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa profile deploy.prototxt net.caffemodel --threads 2\n"
    "  kissa profile deploy.prototxt --random-weights 1 --mode caffe\n";

}  // namespace

void add_profile(CLI::App& program) {
  CLI::App& command =
      *program.add_subcommand("profile", "Time each step of a network inside its runs");
  auto options = std::make_shared<ProfileOptions>();
  command.footer(kExamples);
  add_subject_options(command, *options);
  command.add_option("--runs", options->runs, "Least number of timed runs (20)")->type_name("N");
  command
      .add_option("--warmup-ms", options->warmup_ms, "Milliseconds of runs that do not count (200)")
      ->type_name("MS");
  command.add_option("--duration", options->duration_s, "Least seconds of timed runs (3)")
      ->type_name("S");
  command.callback([options, &command] {
    check_options(*options);
    profile(command, *options);
  });
}

}  // namespace kissa::tools
