#include "study_findings.h"

#include <fmt/core.h>

#include <cmath>

#include "peaks.h"
#include "step_profile.h"

namespace kissa::tools {
namespace {

constexpr const char* kUnknown = "not measured";

std::string times_faster(std::optional<double> slow, std::optional<double> fast) {
  if (!slow || !fast || *fast <= 0) return kUnknown;
  return fmt::format("{:.2f}x", *slow / *fast);
}

std::string milliseconds(double us) { return fmt::format("{:.3g} ms", us * 1e-3); }

const Json* profile_of(const Json& study, const std::string& mode) {
  for (const Json& profile : study.at("profiles"))
    if (profile.at("setting").at("mode") == mode && profile.at("setting").at("precision") == "fp32")
      return &profile;
  return nullptr;
}

std::string kind_ratio(const Json& study, const std::string& kind) {
  return times_faster(kind_us(study, "caffe", kind), kind_us(study, "fused", kind));
}

// All kinds but those that the article names by themselves.
double rest_us(const Json& study, const std::string& mode) {
  double us = 0;
  for (const Kind kind :
       {Kind::kNormalisation, Kind::kInnerProduct, Kind::kSoftmax, Kind::kCopy, Kind::kOther})
    us += kind_us(study, mode, std::string(to_string(kind)));
  return us;
}

std::string waiting_share(const Json& study, const std::string& mode) {
  const Json* profile = profile_of(study, mode);
  if (profile == nullptr) return kUnknown;
  if (profile->at("setting").at("device") == "cpu")
    return "none: on a CPU the caller's thread computes";
  const double launching = kind_us(study, mode, std::string(to_string(Kind::kLaunch)));
  const double waiting = kind_us(study, mode, std::string(to_string(Kind::kWait)));
  double all = 0;
  for (const Json& kind : profile->at("kinds")) all += kind.at("us").get<double>();
  return fmt::format("{:.1f} % (launch {:.1f} us, wait {:.1f} us, of {:.1f} us)",
                     100 * (launching + waiting) / all, launching, waiting, all);
}

std::string heaviest_text(const Json& study) {
  if (study.at("heaviest").is_null()) return kUnknown;
  const auto list = [&](const char* key) {
    std::string text;
    double sum = 0;
    for (const Json& step : study.at("heaviest").at(key)) {
      sum += step.at("us").get<double>();
      text += fmt::format("{}{} {:.0f} us", text.empty() ? "" : " + ",
                          step.at("name").get<std::string>(), step.at("us").get<double>());
    }
    return std::pair{text, sum};
  };
  const auto [caffe, caffe_us] = list("caffe");
  const auto [fused, fused_us] = list("fused");
  return fmt::format("caffe: {}; fused: {} ({})", caffe, fused, times_faster(caffe_us, fused_us));
}

std::string predictions_text(const Json& study) {
  const Json& predictions = study.at("predictions");
  if (predictions.is_null()) return "";
  return fmt::format("; {} of {} first choices the same, largest difference {:.3g}",
                     predictions.at("top1").get<std::size_t>(),
                     predictions.at("inputs").get<std::size_t>(),
                     predictions.at("max_abs").get<double>());
}

double theory_us(const Json& study, const char* by) {
  for (const Json& row : study.at("theory"))
    if (row.at("machine") == "this" && row.at("by") == by) return row.at("us").get<double>();
  return 0;
}

}  // namespace

std::optional<double> median_of(const Json& study, const std::string& mode,
                                const std::string& precision, std::int64_t batch) {
  for (const Json& row : study.at("rows"))
    if (row.at("mode") == mode && row.at("precision") == precision && row.at("batch") == batch)
      return row.at("median_us").get<double>();
  return std::nullopt;
}

double kind_us(const Json& study, const std::string& mode, const std::string& kind) {
  const Json* profile = profile_of(study, mode);
  if (profile == nullptr) return 0;
  for (const Json& row : profile->at("kinds"))
    if (row.at("kind") == kind) return row.at("us").get<double>();
  return 0;
}

Json theory_of(const Json& study) {
  const auto flops = study.at("work").at("flops").get<double>();
  const DevicePeaks peaks = peaks_from_json(study.at("peaks"));
  Json rows = Json::array();
  const auto add = [&](const char* machine, const char* by, double gflops) {
    if (gflops <= 0) return;
    rows.push_back({{"machine", machine},
                    {"by", by},
                    {"precision", "fp32"},
                    {"gflops", gflops},
                    {"us", flops / gflops * 1e-3}});
  };
  add("this", "measured peak", peak_of(peaks, Precision::kFp32));
  add("this", "nominal peak", nominal_peak_of(peaks, Precision::kFp32));
  for (const PaperMachine& machine : kPaperMachines)
    add(machine.name, "clock x cores x 2", machine.gflops());
  return rows;
}

Json rows_against(const Json& study, const Json& old) {
  Json rows = Json::array();
  for (const Json& row : study.at("rows")) {
    const auto before =
        median_of(old, row.at("mode").get<std::string>(), row.at("precision").get<std::string>(),
                  row.at("batch").get<std::int64_t>());
    if (!before) continue;
    const auto now = row.at("median_us").get<double>();
    rows.push_back({{"mode", row.at("mode")},
                    {"precision", row.at("precision")},
                    {"batch", row.at("batch")},
                    {"old_us", *before},
                    {"new_us", now},
                    {"speed_up", now > 0 ? *before / now : 0}});
  }
  return rows;
}

Json findings_of(const Json& study, const Json& against) {
  const auto caffe = median_of(study, "caffe", "fp32", 1);
  const auto fused = median_of(study, "fused", "fp32", 1);
  const std::string reduced =
      study.at("reduced").is_null() ? "" : study.at("reduced").get<std::string>();
  Json findings = Json::array();
  const auto add = [&](const std::string& finding, const char* article, const std::string& here) {
    findings.push_back({{"finding", finding}, {"article", article}, {"here", here}});
  };
  const auto faster_than_old = [&](const char* mode) {
    if (against.is_null()) return std::string("give --against");
    return times_faster(median_of(against, mode, "fp32", 1), median_of(study, mode, "fp32", 1));
  };
  add("fused FP32 against caffe FP32", "3.5x (TX1), 3.7x (TX2)", times_faster(caffe, fused));
  add("theoretical time", "~4 ms (TX1), ~3 ms (TX2), of 2 G operations",
      fmt::format("{} by the measured peak, of {:.3g} GFLOP",
                  milliseconds(theory_us(study, "measured peak")),
                  study.at("work").at("flops").get<double>() * 1e-9));
  const double least = theory_us(study, "measured peak");
  add("measured against theoretical, fused FP32", "about 3x",
      fused && least > 0 ? fmt::format("{:.2f}x", *fused / least) : kUnknown);
  add("this machine against another, fused", "TX2 against TX1: 1.3x, the clock ratio",
      faster_than_old("fused"));
  add("this version or machine against another, caffe mode",
      "JetPack 3.1 to 3.2: Caffe 1.3x faster, TensorRT unchanged", faster_than_old("caffe"));
  add(fmt::format("{} against FP32, fused", reduced.empty() ? "reduced precision" : reduced),
      "FP16: nearly 2x, predictions nearly the same",
      reduced.empty()
          ? "this device has none built"
          : times_faster(fused, median_of(study, "fused", reduced, 1)) + predictions_text(study));
  add("launching and waiting, caffe mode", "more than half of the time",
      waiting_share(study, "caffe"));
  add("launching and waiting, fused", "almost none", waiting_share(study, "fused"));
  add("convolution and activation, fused against caffe", "1.7x",
      kind_ratio(study, std::string(to_string(Kind::kConvolution))));
  add("pooling, fused against caffe", "1.9x",
      kind_ratio(study, std::string(to_string(Kind::kPooling))));
  add("copies and the rest, fused against caffe", "3x or more",
      times_faster(rest_us(study, "caffe"), rest_us(study, "fused")));
  add("the heaviest layer", "conv2/3x3: 1.9 ms + bias 260 us + activation 260 us; fused 1.8 ms",
      heaviest_text(study));
  return findings;
}

}  // namespace kissa::tools
