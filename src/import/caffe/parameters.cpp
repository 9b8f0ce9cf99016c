#include "import/caffe/parameters.h"

#include <fmt/ranges.h>

#include "base/error.h"
#include "base/log.h"
#include "base/system.h"
#include "import/caffe/random_fill.h"

namespace kissa::caffe {
namespace {

constexpr std::int64_t kMaxRandomBytes = std::int64_t{8} << 30;

void expect_room_for(std::int64_t bytes) {
  const std::int64_t limit = std::min(kMaxRandomBytes, available_memory());
  if (bytes > limit)
    fail(ErrorCode::kOutOfMemory, "random weights would take {} MiB, of at most {} MiB",
         bytes >> 20, limit >> 20);
}

ConstantData random_data(const Shape& shape, std::string_view name, std::uint64_t seed,
                         std::string_view layer, int index) {
  const auto count = static_cast<std::size_t>(shape.elements());
  const auto data = std::make_shared_for_overwrite<float[]>(count);
  fill_randomly({data.get(), count}, shape, name, seed, layer, index);
  return {data, data.get()};
}

}  // namespace

ValueId Parameters::add(const LayerParameter& layer, int index, const kissa::ParamSpec& spec) {
  const caffe::ParamSpec* sharing = index < layer.param_size() ? &layer.param(index) : nullptr;
  const bool is_named = sharing != nullptr && !sharing->name().empty();
  int owner = -1;
  if (is_named) {
    const auto [it, is_new] = owners_.emplace(sharing->name(), static_cast<int>(constants_.size()));
    if (!is_new) owner = it->second;
  }
  if (owner >= 0) {
    const Constant& first = constants_[static_cast<std::size_t>(owner)];
    const Shape& shape = graph_.value(first.id).shape;
    if (shape == spec.shape) return first.id;
    if (sharing->share_mode() == caffe::ParamSpec::STRICT ||
        shape.elements() != spec.shape.elements())
      fail(ErrorCode::kInvalidModel,
           "{} must be {}, but it shares '{}' with layer '{}', where it is {}", spec.name,
           spec.shape.to_string(), sharing->name(), first.layer, shape.to_string());
  }
  const ValueId id = graph_.add_constant(fmt::format("{}.{}", layer.name(), spec.name), spec.shape);
  constants_.push_back({id, layer.name(), index, std::string(spec.name), owner});
  return id;
}

void Parameters::load(const LayerParameter& layer, const std::vector<ValueId>& constants,
                      bool allow_ones) {
  if (weights_ == nullptr || constants.empty()) return;
  const std::vector<BlobEntry>* blobs = weights_->find(layer.name());
  if (blobs == nullptr || !loaded_.insert(layer.name()).second) return;
  if (blobs->size() != constants.size()) {
    std::vector<std::string> names;
    for (const ValueId id : constants) names.push_back(graph_.value(id).name);
    fail(ErrorCode::kInvalidModel, "has {} blobs in {}, but the network needs {} ({})",
         blobs->size(), weights_->path(), constants.size(), fmt::join(names, ", "));
  }
  for (std::size_t i = 0; i < constants.size(); ++i) {
    const BlobEntry& blob = (*blobs)[i];
    const Value& constant = graph_.value(constants[i]);
    if (!same_shape(blob.dims, constant.shape, allow_ones))
      fail(ErrorCode::kInvalidModel, "{} is {} in {}, but the network needs {}", constant.name,
           dims_text(blob.dims), weights_->path(), constant.shape.to_string());
    if (blob.count != static_cast<std::uint64_t>(constant.shape.elements()))
      fail(ErrorCode::kInvalidFile, "{} is {} in {}, but holds {} numbers instead of {}",
           constant.name, dims_text(blob.dims), weights_->path(), blob.count,
           constant.shape.elements());
    if (constant.data == nullptr) graph_.set_data(constants[i], weights_->read(blob));
  }
}

void Parameters::finish() {
  for (const Constant& constant : constants_) {
    if (constant.owner < 0) continue;
    const ValueId owner = constants_[static_cast<std::size_t>(constant.owner)].id;
    if (graph_.value(owner).data == nullptr) graph_.set_data(owner, graph_.value(constant.id).data);
  }
  if (random_seed_) fill_randomly();
  for (const Constant& constant : constants_)
    if (constant.owner >= 0)
      graph_.set_data(constant.id,
                      graph_.value(constants_[static_cast<std::size_t>(constant.owner)].id).data);
  if (weights_ == nullptr) return;
  warn_of_missing();
  log_unused_weights();
}

void Parameters::fill_randomly() {
  const auto is_missing = [&](const Constant& constant) {
    return constant.owner < 0 && graph_.value(constant.id).data == nullptr;
  };
  std::int64_t bytes = 0;
  for (const Constant& constant : constants_)
    if (is_missing(constant)) {
      bytes += graph_.value(constant.id).shape.elements() * size_of(DataType::kF32);
      expect_room_for(bytes);
    }
  for (const Constant& constant : constants_)
    if (is_missing(constant))
      graph_.set_data(constant.id, random_data(graph_.value(constant.id).shape, constant.name,
                                               *random_seed_, constant.layer, constant.index));
}

void Parameters::warn_of_missing() const {
  std::set<std::string> warned;
  for (const Constant& constant : constants_)
    if (graph_.value(constant.id).data == nullptr && warned.insert(constant.layer).second)
      log(LogLevel::kWarning, "{}: has no weights for layer '{}'", weights_->path(),
          constant.layer);
}

void Parameters::log_unused_weights() const {
  for (const std::string& layer : weights_->layers())
    if (!loaded_.contains(layer))
      log(LogLevel::kInfo, "{}: weights of layer '{}' are ignored: the network has no such layer",
          weights_->path(), layer);
}

}  // namespace kissa::caffe
