#include "runtime/refine.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "runtime/random_input.h"

namespace kissa::runtime {
namespace {

// Chance alone wins as many turns once in 64 times, and then little is lost.
constexpr std::size_t kTurns = 6;
constexpr double kTurnMicroseconds = 2000.0;
constexpr int kLeastRepeats = 3;
constexpr int kMostRepeats = 40;

}  // namespace

Refined refine(const Choice& start, std::vector<Alternative> alternatives,
               const std::function<bool(const Choice&)>& wins,
               const std::function<bool()>& has_time) {
  std::stable_sort(alternatives.begin(), alternatives.end(),
                   [](const Alternative& a, const Alternative& b) { return a.loss < b.loss; });
  Refined refined{.choice = start, .is_complete = false};
  for (const Alternative& alternative : alternatives) {
    if (!has_time()) return refined;
    Choice candidate = refined.choice;
    candidate[alternative.group] = alternative.tactic;
    if (wins(candidate)) refined.choice = std::move(candidate);
  }
  refined.is_complete = true;
  return refined;
}

Race::Race(const PlanRequest& request, const Choice& start)
    : request_(request), fastest_(runner(start)) {
  const double one = std::max(fastest_->time_on_device(1), 1.0);
  repeats_ = std::clamp(static_cast<int>(kTurnMicroseconds / one), kLeastRepeats, kMostRepeats);
}

std::unique_ptr<Context> Race::runner(const Choice& choice) const {
  const auto plan = make_plan(request_, choice);
  auto context = std::make_unique<Context>(plan);
  fill_inputs(*context, *plan);
  context->run();
  context->time_on_device(1);
  return context;
}

bool Race::is_won_by(const Choice& choice) {
  std::unique_ptr<Context> rival;
  try {
    rival = runner(choice);
  } catch (const Error& error) {  // two networks need more memory than one
    if (error.code() != ErrorCode::kOutOfMemory) throw;
    return false;
  }
  const std::array<Context*, 2> runners = {fastest_.get(), rival.get()};
  for (std::size_t turn = 0; turn < kTurns; ++turn) {
    std::array<double, 2> times;
    for (const std::size_t next : {turn % 2, 1 - turn % 2})
      times[next] = runners[next]->time_on_device(repeats_);
    if (times[1] >= times[0]) return false;
  }
  fastest_ = std::move(rival);
  return true;
}

}  // namespace kissa::runtime
