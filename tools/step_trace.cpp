// A profile as a timeline.
#include <fmt/core.h>

#include <algorithm>
#include <numeric>

#include "options.h"
#include "step_profile.h"

namespace kissa::tools {
namespace {

constexpr int kStream = 1, kHost = 2;

class Trace {
 public:
  void name_thread(int id, const std::string& name) {
    events_.push_back({{"name", "thread_name"},
                       {"ph", "M"},
                       {"pid", 1},
                       {"tid", id},
                       {"args", {{"name", name}}}});
  }
  void add(int thread, const std::string& name, Kind kind, double begin, double us,
           Json args = Json::object()) {
    events_.push_back({{"name", name},
                       {"cat", to_string(kind)},
                       {"ph", "X"},
                       {"ts", begin},
                       {"dur", us},
                       {"pid", 1},
                       {"tid", thread},
                       {"args", std::move(args)}});
  }
  Json take() { return std::move(events_); }

 private:
  Json events_ = Json::array();
};

}  // namespace

Json chrome_trace(const Engine& engine, const StepProfile& profile) {
  const std::vector<StepInfo> steps = engine.steps();
  Trace trace;
  trace.name_thread(kStream, engine.device() == "cpu"
                                 ? fmt::format("cpu, {} threads", engine.threads())
                                 : "stream of " + engine.device());
  if (!profile.launch_us.empty()) trace.name_thread(kHost, "host: launching and waiting");
  const auto add_step = [&](std::size_t i, double at, double us) {
    trace.add(kStream, what_runs(steps[i]), kind_of(steps[i]), at, us,
              {{"tactic", steps[i].tactic}, {"flops", flops_of(steps[i])}});
  };
  // The host's calls from `at` on; when the GPU begins, so that it ends no later than they do.
  const auto add_host = [&](const std::string& name, double at, double launch, double wait,
                            double device) {
    const IdleTime idle = idle_time(device, launch, wait);
    const Json args = {{"gpu_idle_us", idle.launch + idle.wait}};
    trace.add(kHost, "launch " + name, Kind::kLaunch, at, launch, args);
    trace.add(kHost, "wait for " + name, Kind::kWait, at + launch, wait, args);
    return at + idle.launch;
  };
  double at = 0;
  for (const StepTimes& run : profile.runs) {
    const std::vector<double> device = without_marks(run);
    const double computing = std::accumulate(device.begin(), device.end(), 0.0);
    const double begin = at;
    if (run.launch.size() == 1 && device.size() > 1)
      at = add_host("all steps", at, run.launch[0], run.wait[0], computing);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (run.launch.size() != device.size()) {
        add_step(i, at, device[i]);
        at += device[i];
        continue;
      }
      const double span = std::max(device[i], run.launch[i] + run.wait[i]);
      add_step(i, add_host(what_runs(steps[i]), at, run.launch[i], run.wait[i], device[i]),
               device[i]);
      at += span;
    }
    at = std::max(at, begin + run.wall);
  }
  return {{"displayTimeUnit", "ns"}, {"traceEvents", trace.take()}};
}

}  // namespace kissa::tools
