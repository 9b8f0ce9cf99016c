// kissa study: the article's experiment on this machine (study_findings.h).
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "base/error.h"
#include "bench_report.h"
#include "burst.h"
#include "commands.h"
#include "difference.h"
#include "interrupt.h"
#include "peaks.h"
#include "progress.h"
#include "samples.h"
#include "step_profile.h"
#include "study_findings.h"
#include "subject.h"

namespace kissa::tools {
namespace {

constexpr int kRounds = 3;

struct StudyOptions {
  NetworkOptions network;
  EngineOptions engine;
  std::int64_t batch = 1;
  std::string precision;  // the reduced one; empty: what the device has
  SampleOptions samples;
  double duration_s = 2;
  std::string save;
  std::string against;
};

// One way to run the network, at one batch.
struct Case {
  Engine engine;
  std::int64_t batch;
  std::vector<Context> contexts;  // one
  LoadTrace trace = {};
};

// Nothing where the device has no such mode and precision.
std::optional<Engine> try_build(const StudyOptions& options, const Model& model, Mode mode,
                                Precision precision) {
  EngineOptions engine = options.engine;
  engine.mode = mode;
  engine.precision = precision;
  try {
    return build_engine(model, engine);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    return std::nullopt;
  }
}

std::vector<Precision> reduced_candidates(const StudyOptions& options) {
  if (!options.precision.empty()) return {parse_precision(options.precision)};
  if (options.engine.device.starts_with("cuda")) return {Precision::kFp16, Precision::kBf16};
  return {Precision::kBf16, Precision::kFp16};
}

void add_cases(const StudyOptions& options, std::int64_t batch, std::optional<Precision>& reduced,
               std::vector<Case>& cases) {
  const Model model = load_network(options.network, batch);
  if (model.inputs().empty())
    fail(ErrorCode::kInvalidModel, "{}: a network without inputs", options.network.prototxt);
  const auto add = [&](Mode mode, Precision precision) {
    std::optional<Engine> engine = try_build(options, model, mode, precision);
    if (!engine) return false;
    Case added{std::move(*engine), batch, {}};
    added.contexts.push_back(added.engine.create_context());
    const Samples samples({}, added.engine.inputs());
    samples.fill(0, added.contexts.front());
    cases.push_back(std::move(added));
    return true;
  };
  add(Mode::kCaffe, Precision::kFp32);
  add(Mode::kFused, Precision::kFp32);
  for (const Precision precision : reduced_candidates(options)) {
    if (!add(Mode::kFused, precision)) continue;
    reduced = precision;
    break;
  }
}

// All ways by turns, so that the machine's moods meet each.
void measure(const StudyOptions& options, std::vector<Case>& cases) {
  for (int round = 0; round < kRounds; ++round) {
    for (Case& one : cases) {
      if (round > 0 && interrupted()) return;
      LoadTrace trace = run_load(one.contexts, {.least_queries = 3,
                                                .least_ms = options.duration_s * 1e3 / kRounds,
                                                .warmup_ms = 50,
                                                .copies = true});
      one.trace.wall_ms += trace.wall_ms;
      one.trace.queries.insert(one.trace.queries.end(), trace.queries.begin(), trace.queries.end());
    }
  }
}

// The first output's values for every sample.
std::vector<std::vector<float>> outputs_of(Case& one, const Samples& samples) {
  std::vector<std::vector<float>> rows;
  Progress progress(samples.names().size());
  for (std::size_t i = 0; i < samples.names().size() && (i == 0 || !interrupted()); ++i) {
    samples.fill(i, one.contexts.front());
    one.contexts.front().run();
    const std::span<const float> values =
        one.contexts.front().output(one.engine.outputs().front().name);
    rows.emplace_back(values.begin(), values.end());
    progress.advance(1);
  }
  return rows;
}

struct Agreement {
  std::size_t inputs = 0;
  std::size_t top1 = 0;
  double largest = 0;
};

Agreement agreement_of_rows(const std::vector<std::vector<float>>& a,
                            const std::vector<std::vector<float>>& b) {
  Agreement agreement;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const RowAgreement row = agreement_of(a[i], b[i]);
    ++agreement.inputs;
    if (row.top1) ++agreement.top1;
    agreement.largest = std::max(agreement.largest, row.largest);
  }
  return agreement;
}

// Rows of results, and the predictions of the reduced precision against those of FP32.
void add_rows(const StudyOptions& options, std::vector<Case>& cases, Json& document) {
  const Samples samples(options.samples, cases.front().engine.inputs());
  const std::vector<std::vector<float>> wanted = outputs_of(cases.front(), samples);
  Json rows = Json::array();
  document["predictions"] = nullptr;
  for (Case& one : cases) {
    const TraceSummary summary = summarize(one.trace, {90, 95, 99});
    Json row = to_row(one.engine, one.trace, summary,
                      {.on_gpu = one.engine.device().starts_with("cuda"), .batch = one.batch});
    if (one.batch == cases.front().batch) {
      const Agreement agreement = agreement_of_rows(wanted, outputs_of(one, samples));
      row["max_abs_diff"] = agreement.largest;
      row["top1_agree"] = static_cast<double>(agreement.top1) /
                          static_cast<double>(std::max<std::size_t>(agreement.inputs, 1));
      if (one.engine.precision() != Precision::kFp32)
        document["predictions"] = {{"inputs", agreement.inputs},
                                   {"top1", agreement.top1},
                                   {"max_abs", agreement.largest},
                                   {"images", !options.samples.images.empty()}};
    }
    row["burst_us"] = one.engine.device().starts_with("cuda")
                          ? Json(rounded_us(time_bursts(one.contexts.front()).median * 1e3))
                          : Json();
    rows.push_back(std::move(row));
  }
  document["rows"] = std::move(rows);
}

Json work_json(const Model& model) {
  std::int64_t multiply_adds = 0, others = 0;
  for (const LayerInfo& layer : model.layers()) {
    multiply_adds += layer.multiply_adds;
    others += layer.other_operations;
  }
  return {{"multiply_adds", multiply_adds},
          {"other_operations", others},
          {"flops", 2 * multiply_adds + others}};
}

void add_profiles(const StudyOptions& options, std::vector<Case>& cases, const DevicePeaks& peaks,
                  Json& document) {
  document["profiles"] = Json::array();
  for (Case& one : cases) {
    if (one.batch != 1 || interrupted()) continue;
    const StepProfile profile =
        profile_network(one.contexts.front(),
                        {.least_runs = 5, .least_ms = options.duration_s * 1e3, .warmup_ms = 50});
    document["profiles"].push_back(profile_json(one.engine, one.batch, profile, peaks));
  }
}

// The steps of both FP32 profiles that hold the layer with most multiply-adds, or what works in
// place on its blob, perhaps with others.
Json heaviest_of(const Model& model, const Json& profiles) {
  LayerInfo heaviest;
  for (const LayerInfo& layer : model.layers())
    if (layer.multiply_adds > heaviest.multiply_adds) heaviest = layer;
  if (heaviest.outputs.empty()) return nullptr;
  std::set<std::string> wanted;
  for (const LayerInfo& layer : model.layers())
    if (!layer.outputs.empty() && layer.outputs.front().name == heaviest.outputs.front().name)
      wanted.insert(layer.name);
  const auto is_wanted = [&](const Json& layer) {
    return wanted.count(layer.get<std::string>()) > 0;
  };
  Json found = {{"layer", heaviest.name},
                {"description", heaviest.description},
                {"multiply_adds", heaviest.multiply_adds},
                {"caffe", Json::array()},
                {"fused", Json::array()}};
  for (const Json& profile : profiles) {
    if (profile.at("setting").at("precision") != "fp32") continue;
    Json& list = found[profile.at("setting").at("mode").get<std::string>()];
    for (const Json& step : profile.at("steps"))
      if (std::any_of(step.at("layers").begin(), step.at("layers").end(), is_wanted))
        list.push_back(
            {{"name", step.at("name")}, {"us", step.at("us")}, {"tactic", step.at("tactic")}});
  }
  return found;
}

void print_rows(const Json& study) {
  const auto caffe = median_of(study, "caffe", "fp32", 1);
  fmt::print("=== Times ===\n{:<8} {:<10} {:>6} {:>12} {:>12} {:>12} {:>10} {:>12}\n", "mode",
             "precision", "batch", "median us", "min us", "images/s", "speed-up", "max abs diff");
  for (const Json& row : study.at("rows")) {
    const auto batch = row.at("batch").get<std::int64_t>();
    const auto base = batch == 1 ? caffe : median_of(study, "caffe", "fp32", batch);
    const auto median = row.at("median_us").get<double>();
    fmt::print("{:<8} {:<10} {:>6} {:>12.1f} {:>12.1f} {:>12.1f} {:>9.2f}x {:>12}\n",
               row.at("mode").get<std::string>(), row.at("precision").get<std::string>(), batch,
               median, row.at("min_us").get<double>(), row.at("images_per_s").get<double>(),
               base && median > 0 ? *base / median : 0.0,
               row.at("max_abs_diff").is_null()
                   ? "-"
                   : fmt::format("{:.3g}", row.at("max_abs_diff").get<double>()));
  }
}

void print_theory(const Json& study) {
  const auto fused = median_of(study, "fused", "fp32", 1);
  fmt::print("\n=== Theory, FP32, batch 1 ===\n{} multiply-adds, {:.4g} GFLOP\n",
             study.at("work").at("multiply_adds").get<std::int64_t>(),
             study.at("work").at("flops").get<double>() * 1e-9);
  fmt::print("{:<12} {:<20} {:>12} {:>12} {:>22}\n", "machine", "by", "GFLOP/s", "us",
             "fused here / this");
  for (const Json& row : study.at("theory"))
    fmt::print("{:<12} {:<20} {:>12.1f} {:>12.1f} {:>21}\n", row.at("machine").get<std::string>(),
               row.at("by").get<std::string>(), row.at("gflops").get<double>(),
               row.at("us").get<double>(),
               fused ? fmt::format("{:.2f}x", *fused / row.at("us").get<double>()) : "-");
}

void print_breakdown(const Json& study) {
  for (const Json& profile : study.at("profiles")) {
    const Json& setting = profile.at("setting");
    fmt::print("\n=== {} mode, {}, batch 1, by kind ===\n", setting.at("mode").get<std::string>(),
               setting.at("precision").get<std::string>());
    double sum = 0;
    for (const Json& kind : profile.at("kinds")) sum += kind.at("us").get<double>();
    for (const Json& kind : profile.at("kinds"))
      fmt::print("{:>11.1f} us {:>6.2f} %  {}\n", kind.at("us").get<double>(),
                 100 * kind.at("us").get<double>() / sum, kind.at("kind").get<std::string>());
  }
}

void print_findings(const Json& study) {
  fmt::print("\n=== The article's findings, and this machine's ===\n");
  for (const Json& finding : study.at("findings"))
    fmt::print("{}\n    article: {}\n    here:    {}\n", finding.at("finding").get<std::string>(),
               finding.at("article").get<std::string>(), finding.at("here").get<std::string>());
}

void print_against(const Json& rows, const std::string& path) {
  fmt::print("\n=== Against {} ===\n{:<8} {:<10} {:>6} {:>12} {:>12} {:>10}\n", path, "mode",
             "precision", "batch", "old us", "new us", "faster");
  for (const Json& row : rows)
    fmt::print("{:<8} {:<10} {:>6} {:>12.1f} {:>12.1f} {:>9.2f}x\n",
               row.at("mode").get<std::string>(), row.at("precision").get<std::string>(),
               row.at("batch").get<std::int64_t>(), row.at("old_us").get<double>(),
               row.at("new_us").get<double>(), row.at("speed_up").get<double>());
}

Json read_study(const std::string& path) {
  const Json document = read_result(path);
  if (document.value("what", "") != "study" || !document.contains("rows"))
    fail(ErrorCode::kInvalidFile, "{}: is no study (kissa study --save writes one)", path);
  return document;
}

void study(const StudyOptions& options) {
  const Json against = options.against.empty() ? Json() : read_study(options.against);
  std::vector<Case> cases;
  std::optional<Precision> reduced;
  add_cases(options, 1, reduced, cases);
  if (cases.empty())
    fail(ErrorCode::kUnsupported, "device {} has neither caffe nor fused mode built",
         options.engine.device);
  if (options.batch != 1) add_cases(options, options.batch, reduced, cases);
  const Engine& engine = cases.front().engine;
  fmt::print("=== Study ===\nMeasured: {} on {}, {} threads, copies included; batch 1{}\n\n",
             engine.name(), engine.device(), engine.threads(),
             options.batch != 1 ? fmt::format(" and {}", options.batch) : "");
  std::fflush(stdout);
  Json document = new_result("study", engine.name(), engine.device());
  const Model model = load_network(options.network, 1);
  document["work"] = work_json(model);
  document["reduced"] = reduced ? Json(to_string(*reduced)) : Json();
  const DevicePeaks peaks = known_peaks(engine.device(), engine.threads());
  document["peaks"] = to_json(peaks);
  measure(options, cases);
  add_rows(options, cases, document);
  add_profiles(options, cases, peaks, document);
  document["theory"] = theory_of(document);
  document["heaviest"] = heaviest_of(model, document["profiles"]);
  const auto at_fault = [&] { return options.against; };
  const auto restate = [&] {
    try {
      document["findings"] = findings_of(document, against);
      if (!against.is_null()) document["against"] = rows_against(document, against);
    } catch (const Json::exception& error) {
      fail(ErrorCode::kInvalidFile, "is not as expected: {}", error.what());
    }
  };
  document["complete"] = !interrupted();
  with_context(at_fault, restate);
  if (!options.save.empty()) write_json(document, options.save);
  if (interrupted()) fmt::print("Interrupted: the figures are of the queries until then\n");
  print_rows(document);
  print_theory(document);
  print_breakdown(document);
  print_findings(document);
  if (!against.is_null()) print_against(document["against"], options.against);
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa study deploy.prototxt net.caffemodel --images val --mean mean.binaryproto --save "
    "here.json\n"
    "  kissa study deploy.prototxt net.caffemodel --device cuda --against here.json\n"
    "  kissa report here.json -o report.html\n";

}  // namespace

void add_study(CLI::App& program) {
  CLI::App& command = *program.add_subcommand(
      "study", "Explain a network's speed: caffe, fused and reduced precision against theory");
  auto options = std::make_shared<StudyOptions>();
  command.footer(kExamples);
  command.add_option("net", options->network.prototxt, "Network definition (prototxt)")
      ->type_name("FILE")
      ->required();
  command
      .add_option("weights", options->network.weights,
                  "Weights (caffemodel); - or nothing for none")
      ->type_name("FILE");
  add_random_weights(command, options->network);
  add_network_rules(command, options->network);
  add_sample_options(command, options->samples);
  command.add_option("--batch", options->batch, "Measured besides batch 1")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--device", options->engine.device,
                  "Device to run on: cpu (default), cuda, cuda:N")
      ->type_name("NAME");
  command
      .add_option("--precision", options->precision,
                  "The reduced precision (fp16 on a GPU, bf16 on a CPU, where they are built)")
      ->type_name("NAME");
  command.add_option("--threads", options->engine.threads, "Threads of the CPU (0: all)")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--build-seconds", options->engine.build_seconds,
                  "Seconds to measure kernels for each way (3)")
      ->type_name("S");
  command.add_option("--duration", options->duration_s, "Seconds for each way (2)")
      ->type_name("S")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--save", options->save, "Write the result as JSON")->type_name("FILE");
  command
      .add_option("--against", options->against,
                  "A saved study, of another machine or version, to compare with")
      ->type_name("FILE");
  command.callback([options] { study(*options); });
}

}  // namespace kissa::tools
