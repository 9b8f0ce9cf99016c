#include "bench_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "options.h"
#include "step_profile.h"

namespace kissa::tools {
namespace {

template <class F>
Latency summarize_each(const LoadTrace& trace, const std::vector<double>& percents, F&& time) {
  std::vector<double> times;
  times.reserve(trace.queries.size());
  for (const Query& query : trace.queries) times.push_back(time(query));
  return tools::summarize(std::move(times), percents);
}

const char* device_word(const TraceSetting& setting) { return setting.on_gpu ? "GPU" : "CPU"; }

double rounded_ms(double ms) { return std::round(ms * 1e6) / 1e6; }

}  // namespace

TraceSummary summarize(const LoadTrace& trace, const std::vector<double>& percents) {
  const auto of = [&](auto&& time) { return summarize_each(trace, percents, time); };
  return {
      .latency = of([&](const Query& q) { return q.latency_ms(trace.open_loop); }),
      .enqueue = of([](const Query& q) { return q.times.enqueue * 1e-3; }),
      .h2d = of([](const Query& q) { return q.times.h2d * 1e-3; }),
      .compute = of([](const Query& q) { return q.times.compute * 1e-3; }),
      .d2h = of([](const Query& q) { return q.times.d2h * 1e-3; }),
      .wall = of([](const Query& q) { return q.times.wall * 1e-3; }),
      .queue = of([](const Query& q) { return q.start_ms - q.arrival_ms; }),
  };
}

void print_trace_averages(const LoadTrace& trace, std::size_t runs, const TraceSetting& setting) {
  constexpr std::size_t kShown = 100;  // groups of the head, and of the tail
  const std::size_t groups = trace.queries.size() / runs;
  fmt::print("=== Trace details ===\nTrace averages of {} runs:\n", runs);
  for (std::size_t g = 0; g < groups; ++g) {
    if (groups > 2 * kShown && g == kShown) {
      fmt::print("... Omitting {} lines\n", groups - 2 * kShown);
      g = groups - kShown;
    }
    double compute = 0, latency = 0, enqueue = 0;
    for (std::size_t i = g * runs; i < (g + 1) * runs; ++i) {
      compute += trace.queries[i].times.compute * 1e-3;
      enqueue += trace.queries[i].times.enqueue * 1e-3;
      latency += trace.queries[i].latency_ms(trace.open_loop);
    }
    const auto n = static_cast<double>(runs);
    fmt::print(
        "Average on {} runs - {} latency: {:.6g} ms - Host latency: {:.6g} ms (enqueue {:.6g} "
        "ms)\n",
        runs, device_word(setting), compute / n, latency / n, enqueue / n);
  }
  fmt::print("\n");
}

void print_summary(const LoadTrace& trace, const TraceSummary& summary,
                   const TraceSetting& setting) {
  const char* device = device_word(setting);
  fmt::print("=== Performance summary ===\n");
  fmt::print("Throughput: {:.6g} qps\n", trace.queries_per_s());
  fmt::print("Images: {:.6g} per second\n",
             trace.queries_per_s() * static_cast<double>(setting.batch));
  fmt::print("Latency: {}\n", to_text(summary.latency));
  if (trace.open_loop) fmt::print("Queue Time: {}\n", to_text(summary.queue));
  fmt::print("Enqueue Time: {}\n", to_text(summary.enqueue));
  fmt::print("H2D Latency: {}\n", to_text(summary.h2d));
  fmt::print("{} Compute Time: {}\n", device, to_text(summary.compute));
  fmt::print("D2H Latency: {}\n", to_text(summary.d2h));
  fmt::print("Total Host Walltime: {:.6g} s\n", trace.wall_ms * 1e-3);
  fmt::print("Total {} Compute Time: {:.6g} s\n", device,
             summary.compute.mean * static_cast<double>(trace.queries.size()) * 1e-3);
  for (const std::string& warning : warnings_of(trace, summary, setting))
    fmt::print("[W] {}\n", warning);
}

std::vector<std::string> warnings_of(const LoadTrace& trace, const TraceSummary& summary,
                                     const TraceSetting& setting) {
  constexpr double kEnqueueShare = 0.8;
  constexpr double kSteady = 0.025;
  constexpr double kKeptUp = 0.98;
  const char* device = device_word(setting);
  std::vector<std::string> warnings;
  const auto warn = [&]<class... Args>(fmt::format_string<Args...> text, Args&&... args) {
    warnings.push_back(fmt::format(text, std::forward<Args>(args)...));
  };
  if (summary.enqueue.median > kEnqueueShare * summary.compute.median)
    warn(
        "* Throughput is bound by handing work to the GPU (enqueue time) rather than by its "
        "computing; try --cuda-graph on or a larger batch");
  for (const auto& [name, copies] : {std::pair{"to", &summary.h2d}, {"from", &summary.d2h}})
    if (copies->median > 0 && copies->median >= summary.compute.median)
      warn("* Throughput is bound by copies {} the GPU rather than by its computing", name);
  if (summary.compute.variation > kSteady) {
    warn("* {} compute time is unstable, with a coefficient of variation of {:.3g} %", device,
         summary.compute.variation * 100);
    if (setting.on_gpu)
      warn("  A locked GPU clock may steady it");
    else
      warn("  A quiet machine may steady it: nothing else running, a fixed clock");
  }
  if (setting.streams > 1)
    warn("* {} streams share the device: a query's times hold the waiting for the others",
         setting.streams);
  if (setting.qps > 0 && trace.queries_per_s() < kKeptUp * setting.qps)
    warn(
        "* {:g} queries a second were due, {:.6g} were reached: the queue grew, and latency with "
        "it",
        setting.qps, trace.queries_per_s());
  return warnings;
}

Json to_row(const Engine& engine, const LoadTrace& trace, const TraceSummary& summary,
            const TraceSetting& setting) {
  Json row = {{"engine", "kissa"},
              {"version", version()},
              {"mode", to_string(engine.mode())},
              {"precision", to_string(engine.precision())},
              {"device", engine.device()},
              {"batch", setting.batch},
              {"threads", engine.threads()},
              {"streams", setting.streams},
              {"median_us", rounded_us(summary.wall.median * 1e3)},
              {"min_us", rounded_us(summary.wall.min * 1e3)},
              {"runs", trace.queries.size()},
              {"images_per_s", trace.queries_per_s() * static_cast<double>(setting.batch)},
              {"max_abs_diff", nullptr},
              {"top1_agree", nullptr},
              {"device_us", rounded_us(summary.compute.median * 1e3)},
              {"queries_per_s", trace.queries_per_s()},
              {"wall_s", trace.wall_ms * 1e-3},
              {"latency_us", to_json(summary.latency)},
              {"enqueue_us", to_json(summary.enqueue)},
              {"h2d_us", to_json(summary.h2d)},
              {"compute_us", to_json(summary.compute)},
              {"d2h_us", to_json(summary.d2h)},
              {"host_us", to_json(summary.wall)},
              {"qps", setting.qps > 0 ? Json(setting.qps) : Json()},
              {"warnings", warnings_of(trace, summary, setting)}};
  if (trace.open_loop) row["queue_us"] = to_json(summary.queue);
  return row;
}

Json times_document(const LoadTrace& trace) {
  Json document = Json::array();
  for (const Query& query : trace.queries) {
    const double h2d = query.times.h2d * 1e-3;
    const double compute = query.times.compute * 1e-3;
    const double d2h = query.times.d2h * 1e-3;
    const double start = query.start_ms;
    document.push_back({{"startEnqMs", rounded_ms(start)},
                        {"endEnqMs", rounded_ms(start + query.times.enqueue * 1e-3)},
                        {"startH2dMs", rounded_ms(start)},
                        {"endH2dMs", rounded_ms(start + h2d)},
                        {"startComputeMs", rounded_ms(start + h2d)},
                        {"endComputeMs", rounded_ms(start + h2d + compute)},
                        {"startD2hMs", rounded_ms(start + h2d + compute)},
                        {"endD2hMs", rounded_ms(start + h2d + compute + d2h)},
                        {"h2dMs", rounded_ms(h2d)},
                        {"computeMs", rounded_ms(compute)},
                        {"d2hMs", rounded_ms(d2h)},
                        {"latencyMs", rounded_ms(query.latency_ms(trace.open_loop))}});
  }
  return document;
}

Json layer_profile_document(const std::vector<StepInfo>& steps,
                            const std::vector<StepTimes>& runs) {
  struct Row {
    std::string name;
    double total = 0, average = 0, median = 0;
  };
  std::vector<Row> rows;
  std::vector<std::vector<double>> device;
  for (const StepTimes& run : runs) device.push_back(without_marks(run));
  double sum = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    std::vector<double> times;
    for (const std::vector<double>& run : device) times.push_back(run[i] * 1e-3);
    const Latency latency = tools::summarize(std::move(times));
    const double total = latency.mean * static_cast<double>(runs.size());
    rows.push_back({what_runs(steps[i]), total, latency.mean, latency.median});
    sum += total;
  }
  Json document = Json::array({{{"count", runs.size()}}});
  for (const Row& row : rows)
    document.push_back({{"name", row.name},
                        {"timeMs", rounded_ms(row.total)},
                        {"averageMs", rounded_ms(row.average)},
                        {"medianMs", rounded_ms(row.median)},
                        {"percentage", sum > 0 ? row.total / sum * 100 : 0}});
  return document;
}

Json layer_info_document(const Engine& engine) {
  const auto tensors = [](const std::vector<TensorInfo>& infos) {
    Json list = Json::array();
    for (const TensorInfo& info : infos)
      list.push_back({{"Name", info.name}, {"Dimensions", info.dims}});
    return list;
  };
  Json layers = Json::array();
  for (const StepInfo& step : engine.steps()) {
    layers.push_back({{"Name", what_runs(step)},
                      {"LayerType", step.ops.empty() ? Json("reorder") : Json(step.ops)},
                      {"Layers", step.layers},
                      {"Outputs", tensors(step.outputs)},
                      {"TacticName", step.tactic},
                      {"MultiplyAdds", step.multiply_adds},
                      {"OtherOperations", step.other_operations},
                      {"Bytes", step.bytes}});
  }
  Json bindings = Json::array();
  for (const TensorInfo& info : engine.inputs()) bindings.push_back(info.name);
  for (const TensorInfo& info : engine.outputs()) bindings.push_back(info.name);
  return {{"Layers", std::move(layers)}, {"Bindings", std::move(bindings)}};
}

Json output_document(const Engine& engine, const Context& context) {
  Json document = Json::array();
  for (const TensorInfo& info : engine.outputs()) {
    const std::span<const float> values = context.output(info.name);
    document.push_back({{"name", info.name},
                        {"dimensions", to_string(info.dims)},
                        {"values", std::vector<float>(values.begin(), values.end())}});
  }
  return document;
}

}  // namespace kissa::tools
