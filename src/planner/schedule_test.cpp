// Schedules of small graphs by tactics that take formats and compute nothing.
#include "planner/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "ir/graph_testing.h"

namespace kissa {
namespace {

constexpr Format kRows = {};
constexpr Format kBlocks16 = {DataType::kF32, Layout::kBlocked16};
constexpr Format kBlocks32 = {DataType::kBF16, Layout::kBlocked32};

class IdleStep final : public Step {
 public:
  void run(const Bindings&, Stream&) const noexcept override {}
};

// Takes every node that it is meant for, in one format.
class FormatTactic final : public Tactic {
 public:
  FormatTactic(std::string name, Format format, std::function<bool(const Op&)> takes)
      : name_(std::move(name)), format_(format), takes_(std::move(takes)) {}

  std::string_view name() const override { return name_; }
  std::optional<std::string> refuse(const Region& region) const override {
    if (region.nodes.size() != 1) return "one node at a time";
    return takes_(region.nodes[0].op) ? std::nullopt : std::optional<std::string>("another op");
  }
  Requirements requirements(const Region& region) const override {
    return {std::vector<Format>(region.inputs.size(), format_),
            std::vector<Format>(region.outputs.size(), format_)};
  }
  std::unique_ptr<Step> prepare(const Region&, const PrepareContext&) const override {
    return std::make_unique<IdleStep>();
  }

 private:
  std::string name_;
  Format format_;
  std::function<bool(const Op&)> takes_;
};

template <class T>
bool is(const Op& op) {
  return std::holds_alternative<T>(op);
}

// Convolutions and concatenations in blocks, everything else in rows; a reorder takes any formats.
struct Tactics {
  explicit Tactics(Format blocks)
      : conv("conv", blocks, is<Convolution>),
        concat("concat", blocks, is<Concat>),
        rows("rows", kRows, [](const Op& op) { return !is<Convolution>(op) && !is<Concat>(op); }),
        list{&conv, &concat, &rows} {}
  FormatTactic conv, concat, rows;
  std::vector<const Tactic*> list;
};

struct Result {
  Graph graph;
  Schedule schedule;

  // The slot of a value in a format.
  const Slot& slot(const std::string& name, Format format) const {
    const ValueId id = graph.find_value(name);
    const auto it = std::find_if(
        schedule.slots.begin(), schedule.slots.end(),
        [&](const Slot& each) { return each.value == id && each.desc.format == format; });
    EXPECT_NE(it, schedule.slots.end()) << name;
    return *it;
  }
  int index(const Slot& slot) const { return static_cast<int>(&slot - schedule.slots.data()); }
  std::string steps() const {
    std::string text;
    for (const ScheduledStep& step : schedule.steps)
      text += (text.empty() ? "" : " ") +
              (step.group == kNone ? std::string("reorder") : std::string(step.tactic->name()));
    return text;
  }
};

Result schedule(Graph graph, const Tactics& tactics, const std::vector<std::string>& keep = {}) {
  std::vector<ValueId> kept = graph.outputs();
  for (const std::string& name : keep) kept.push_back(graph.find_value(name));
  const auto groups = partition(graph, tactics.list, kept);
  Schedule made =
      make_schedule(graph, groups, std::vector<std::size_t>(groups.size(), 0), tactics.list, kept);
  return {std::move(graph), std::move(made)};
}

// Two convolutions of so many outputs and their concatenation, which a third one reads.
Graph module_of(std::int64_t first, std::int64_t second) {
  TestGraph test;
  const ValueId x = test.input("x", {2, 16, 4, 4});
  const ValueId a = test.add("a", conv(first, 1), {x});
  const ValueId b = test.add("b", conv(second, 3, 1), {x});
  const ValueId ab = test.add("ab", Concat{.axis = 1}, {a, b});
  return test.finish({test.add("y", conv(8, 1), {ab})});
}

TEST(ScheduleTest, ConcatenatedPartsLieInTheWhole) {
  const Tactics tactics(kBlocks16);
  const Result result = schedule(module_of(32, 24), tactics);
  EXPECT_EQ(result.steps(), "reorder conv conv conv reorder");
  const Slot& whole = result.slot("ab", kBlocks16);
  const Slot& a = result.slot("a", kBlocks16);
  const Slot& b = result.slot("b", kBlocks16);
  EXPECT_EQ(a.parent, result.index(whole));
  EXPECT_EQ(b.parent, result.index(whole));
  EXPECT_EQ(a.offset, 0);
  EXPECT_EQ(b.offset, 32 * 16 * 4);
  // From one image to the next is the whole's distance: 56 channels in 4 blocks.
  EXPECT_EQ(a.desc.image_stride, 64 * 16);
  EXPECT_EQ(b.desc.image_stride, 64 * 16);
}

TEST(ScheduleTest, PartsInsideABlockAreCopied) {
  const Tactics blocks16(kBlocks16);
  EXPECT_EQ(schedule(module_of(24, 32), blocks16).steps(), "reorder conv conv concat conv reorder");
  const Tactics blocks32(kBlocks32);
  EXPECT_EQ(schedule(module_of(48, 32), blocks32).steps(), "reorder conv conv concat conv reorder");
  EXPECT_EQ(schedule(module_of(64, 48), blocks32).steps(), "reorder conv conv conv reorder");
}

TEST(ScheduleTest, AValueIsReorderedOnceForAllItsReaders) {
  TestGraph test;
  const ValueId x = test.input("x", {1, 16, 4, 4});
  const ValueId y = test.add("y", conv(16, 1), {x});
  const ValueId p = test.add("p", Sigmoid{}, {y});
  const ValueId q = test.add("q", TanH{}, {y});
  const Tactics tactics(kBlocks16);
  EXPECT_EQ(schedule(test.finish({p, q}), tactics).steps(), "reorder conv reorder rows rows");
}

TEST(ScheduleTest, ElementwiseOpsWriteOverWhatIsReadForTheLastTime) {
  TestGraph test;
  const ValueId x = test.input("x", {1, 16});
  const ValueId a = test.add("a", Sigmoid{}, {x});
  const ValueId b = test.add("b", TanH{}, {a});
  const ValueId c = test.add("c", AbsVal{}, {b});
  const ValueId d = test.add("d", Eltwise{.coeffs = {}}, {c, b});
  const Graph graph = test.finish({d});
  const Tactics tactics(kBlocks16);

  const Result result = schedule(graph, tactics);
  EXPECT_EQ(result.slot("a", kRows).parent, kNone) << "the input must stay as it is";
  EXPECT_EQ(result.slot("b", kRows).parent, result.index(result.slot("a", kRows)));
  EXPECT_EQ(result.slot("c", kRows).parent, kNone) << "b is read again";

  const Result kept = schedule(graph, tactics, {"a"});
  EXPECT_EQ(kept.slot("b", kRows).parent, kNone) << "a is kept";
}

TEST(ScheduleTest, InputsAndKeptValuesLiveToTheEnd) {
  const Tactics tactics(kBlocks16);
  const Result result = schedule(module_of(32, 16), tactics, {"a"});
  const auto end = static_cast<int>(result.schedule.steps.size());
  EXPECT_EQ(result.slot("x", kRows).life.last, end);
  EXPECT_EQ(result.slot("x", kRows).life.first, 0);
  for (const int slot : result.schedule.outputs) {
    const Place at = place_of(result.schedule, slot);
    EXPECT_EQ(result.schedule.slots[static_cast<std::size_t>(at.root)].life.last, end);
  }
}

}  // namespace
}  // namespace kissa
