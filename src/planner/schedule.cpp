#include "planner/schedule.h"

#include <algorithm>

#include "base/error.h"

namespace kissa {
namespace {

constexpr Format kRowMajorF32 = {};

// Whether a tensor of such a shape has the same bytes in both formats.
bool same_bytes(const Shape& shape, Format a, Format b) {
  if (a == b) return true;
  if (a.type != b.type || shape.rank() != 4) return false;
  const std::int64_t block = std::max(block_channels(a.layout), block_channels(b.layout));
  return shape[1] % block == 0 && shape[2] * shape[3] == 1;
}

class Scheduler {
 public:
  Scheduler(const Graph& graph, const std::vector<Group>& groups,
            const std::vector<std::size_t>& choice, TacticList tactics,
            const std::vector<ValueId>& keep)
      : graph_(graph), groups_(groups), choice_(choice), tactics_(tactics), keep_(keep) {
    slots_of_.resize(graph.values().size());
  }

  Schedule run() {
    for (const ValueId id : graph_.inputs()) schedule_.inputs.push_back(add_slot(id, kRowMajorF32));
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      const Group& group = groups_[g];
      const Node& node = graph_.node(group.nodes[0]);
      if (group.tactics.empty())
        add_view(node);
      else if (!try_concat(node))
        add_group(static_cast<int>(g));
    }
    for (const ValueId id : keep_) schedule_.outputs.push_back(slot_in(id, kRowMajorF32));
    set_lifetimes();
    share_in_place();
    set_strides();
    return std::move(schedule_);
  }

 private:
  Slot& slot(int id) { return schedule_.slots[static_cast<std::size_t>(id)]; }
  std::vector<int>& slots_of(ValueId id) { return slots_of_[static_cast<std::size_t>(id)]; }

  int add_slot(ValueId value, Format format, int parent = kNone) {
    const auto id = static_cast<int>(schedule_.slots.size());
    schedule_.slots.push_back({.value = value,
                               .desc = {.shape = graph_.value(value).shape, .format = format},
                               .parent = parent,
                               .life = {}});
    slots_of(value).push_back(id);
    return id;
  }

  // The value's slot in that format; made by a reorder if there is none yet.
  int slot_in(ValueId value, Format format) {
    KISSA_CHECK(!slots_of(value).empty());
    for (const int id : slots_of(value))
      if (slot(id).desc.format == format) return id;
    // A slice of a larger tensor has gaps between its images, which row-major order has not.
    for (const int id : slots_of(value))
      if (slot(id).parent == kNone && same_bytes(slot(id).desc.shape, slot(id).desc.format, format))
        return add_slot(value, format, id);
    return add_reorder(slots_of(value).front(), format);
  }

  int add_reorder(int from, Format format) {
    const ValueId value = slot(from).value;
    ScheduledStep step;
    step.region.values = {value, value};
    Region& region = step.region.region;
    region.values = {{.desc = slot(from).desc},
                     {.desc = {.shape = slot(from).desc.shape, .format = format}}};
    region.nodes = {{.op = Identity{}, .inputs = {0}, .outputs = {1}}};
    region.inputs = {0};
    region.outputs = {1};
    const auto it = std::find_if(tactics_.begin(), tactics_.end(),
                                 [&](const Tactic* tactic) { return !tactic->refuse(region); });
    if (it == tactics_.end())
      fail(ErrorCode::kUnsupported, "no way to reorder blob '{}' ({}) for this device",
           graph_.value(value).name, slot(from).desc.shape.to_string());
    step.tactic = *it;
    step.inputs = {from};
    const int to = add_slot(value, format);
    step.outputs = {to};
    schedule_.steps.push_back(std::move(step));
    return to;
  }

  void add_view(const Node& node) {
    add_slot(node.outputs[0], kRowMajorF32, slot_in(node.inputs[0], kRowMajorF32));
  }

  void add_group(int g) {
    const Group& group = groups_[static_cast<std::size_t>(g)];
    ScheduledStep step;
    step.group = g;
    step.tactic = group.tactics[choice_[static_cast<std::size_t>(g)]];
    step.region = region_of(graph_, group.nodes, keep_);
    Region& region = step.region.region;
    const Requirements need = step.tactic->requirements(region);
    for (std::size_t i = 0; i < region.inputs.size(); ++i) {
      const int value = region.inputs[i];
      step.inputs.push_back(
          slot_in(step.region.values[static_cast<std::size_t>(value)], need.inputs[i]));
      region.values[static_cast<std::size_t>(value)].desc.format = need.inputs[i];
    }
    for (std::size_t i = 0; i < region.outputs.size(); ++i) {
      const int value = region.outputs[i];
      step.outputs.push_back(
          add_slot(step.region.values[static_cast<std::size_t>(value)], need.outputs[i]));
      region.values[static_cast<std::size_t>(value)].desc.format = need.outputs[i];
    }
    schedule_.steps.push_back(std::move(step));
  }

  // Lets the parts of a concatenation lie in the whole, so that their producers store there and
  // nothing is left to run. Parts must be written by a step, once, and start on a channel block.
  bool try_concat(const Node& node) {
    const auto* concat = std::get_if<Concat>(&node.op);
    if (concat == nullptr || !node.epilogue.empty()) return false;
    const Shape& shape = graph_.value(node.outputs[0]).shape;
    if (shape.rank() != 4 || shape.canonical_axis(concat->axis) != 1) return false;
    std::vector<int> parts;
    std::int64_t channels = 0;
    for (const ValueId id : node.inputs) {
      if (graph_.value(id).producer == kNone || slots_of(id).empty()) return false;
      const int part = slots_of(id).front();
      const Layout layout = slot(part).desc.format.layout;
      if (channels % block_channels(layout) != 0) return false;
      channels += graph_.value(id).shape[1];
      if (slot(part).parent != kNone || !is_blocked(layout) ||
          slot(part).desc.format != slot(slots_of(node.inputs[0]).front()).desc.format)
        return false;
      if (std::find(parts.begin(), parts.end(), part) != parts.end()) return false;
      if (std::any_of(schedule_.slots.begin(), schedule_.slots.end(),
                      [&](const Slot& other) { return other.parent == part; }))
        return false;
      parts.push_back(part);
    }
    const int whole = add_slot(node.outputs[0], slot(parts[0]).desc.format);
    std::int64_t offset = 0;
    for (const int part : parts) {
      slot(part).parent = whole;
      slot(part).offset = offset;
      const TensorDesc& desc = slot(part).desc;
      const std::int64_t block = block_channels(desc.format.layout);
      const std::int64_t plane =
          desc.format.layout == Layout::kNhwc ? 1 : desc.shape[2] * desc.shape[3];
      offset += channel_blocks(desc.shape[1], block) * block * plane * size_of(desc.format.type);
    }
    return true;
  }

  Slot& root_of(int id) { return slot(place_of(schedule_, id).root); }

  // Gives every root the life of all that lies in it.
  void set_lifetimes() {
    const auto end = static_cast<int>(schedule_.steps.size());
    for (Slot& each : schedule_.slots) each.life = {.first = end, .last = 0};
    const auto extend = [&](int id, int step) {
      Lifetime& life = root_of(id).life;
      life.first = std::min(life.first, step);
      life.last = std::max(life.last, step);
    };
    for (int s = 0; s < end; ++s) {
      const ScheduledStep& step = schedule_.steps[static_cast<std::size_t>(s)];
      for (const int id : step.inputs) extend(id, s);
      for (const int id : step.outputs) extend(id, s);
    }
    for (const int id : schedule_.inputs) extend(id, 0);
    for (const int id : schedule_.inputs) extend(id, end);
    for (const int id : schedule_.outputs) extend(id, end);
  }

  // Lets an elementwise op write over its first input, if that is read for the last time and stands
  // in no other input.
  void share_in_place() {
    for (std::size_t s = 0; s < schedule_.steps.size(); ++s) {
      const ScheduledStep& step = schedule_.steps[s];
      if (step.group == kNone || step.inputs.empty() || step.region.region.nodes.size() != 1 ||
          !is_elementwise(step.region.region.nodes[0].op))
        continue;
      const int in = step.inputs[0];
      const int out = step.outputs[0];
      const int root = place_of(schedule_, in).root;
      const bool is_last = slot(root).life.last == static_cast<int>(s);
      const bool is_alone =
          std::none_of(step.inputs.begin() + 1, step.inputs.end(),
                       [&](int other) { return place_of(schedule_, other).root == root; });
      if (!is_last || !is_alone || slot(out).parent != kNone || slot(in).desc != slot(out).desc)
        continue;
      slot(out).parent = in;
      slot(root).life.last = std::max(slot(root).life.last, slot(out).life.last);
    }
  }

  // The distance between images is that of the outermost tensor that a slot lies in.
  void set_strides() {
    for (std::size_t i = 0; i < schedule_.slots.size(); ++i) {
      Slot& each = schedule_.slots[i];
      const Slot& root = root_of(static_cast<int>(i));
      if (is_blocked(each.desc.format.layout))
        each.desc.image_stride = is_blocked(root.desc.format.layout) ? root.desc.image_elements()
                                                                     : each.desc.image_elements();
      if (each.desc.format.layout == Layout::kNhwc)
        each.desc.pixel_stride =
            channel_blocks((root.desc.format.layout == Layout::kNhwc ? root : each).desc.shape[1]) *
            kChannelBlock;
    }
    for (ScheduledStep& step : schedule_.steps) {
      Region& region = step.region.region;
      for (std::size_t i = 0; i < step.inputs.size(); ++i)
        region.values[static_cast<std::size_t>(region.inputs[i])].desc = slot(step.inputs[i]).desc;
      for (std::size_t i = 0; i < step.outputs.size(); ++i)
        region.values[static_cast<std::size_t>(region.outputs[i])].desc =
            slot(step.outputs[i]).desc;
    }
  }

  const Graph& graph_;
  const std::vector<Group>& groups_;
  const std::vector<std::size_t>& choice_;
  TacticList tactics_;
  const std::vector<ValueId>& keep_;
  Schedule schedule_;
  std::vector<std::vector<int>> slots_of_;  // by value
};

}  // namespace

Schedule make_schedule(const Graph& graph, const std::vector<Group>& groups,
                       const std::vector<std::size_t>& choice, TacticList tactics,
                       const std::vector<ValueId>& keep) {
  return Scheduler(graph, groups, choice, tactics, keep).run();
}

Place place_of(const Schedule& schedule, int slot) {
  Place place{slot, 0};
  while (true) {
    const Slot& inner = schedule.slots[static_cast<std::size_t>(place.root)];
    if (inner.parent == kNone) return place;
    place.offset += inner.offset;
    place.root = inner.parent;
  }
}

}  // namespace kissa
