// steady_state FOLDER: counts the allocations and locks of Context::run() once all is warm. There
// must be none. FOLDER: where ../shared is; its GoogLeNet is run too where it is there.
#include <dlfcn.h>
#include <fmt/core.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>

#include "kissa/kissa.h"

// ---- What the program's own malloc and mutex count, before they do what the C library's do

namespace {

std::atomic<long> allocations = 0;
std::atomic<long> locks = 0;

template <class F>
F next_symbol(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  ++allocations;
  return __libc_calloc(count, bytes);
}
void* realloc(void* old, std::size_t bytes) {
  ++allocations;
  return __libc_realloc(old, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** result, std::size_t alignment, std::size_t bytes) {
  ++allocations;
  *result = __libc_memalign(alignment, bytes);
  return *result == nullptr ? 12 : 0;
}

int pthread_mutex_lock(pthread_mutex_t* mutex) {
  static const auto lock = next_symbol<int (*)(pthread_mutex_t*)>("pthread_mutex_lock");
  ++locks;
  return lock(mutex);
}
int pthread_mutex_trylock(pthread_mutex_t* mutex) {
  static const auto lock = next_symbol<int (*)(pthread_mutex_t*)>("pthread_mutex_trylock");
  ++locks;
  return lock(mutex);
}
int pthread_rwlock_rdlock(pthread_rwlock_t* mutex) {
  static const auto lock = next_symbol<int (*)(pthread_rwlock_t*)>("pthread_rwlock_rdlock");
  ++locks;
  return lock(mutex);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* mutex) {
  static const auto lock = next_symbol<int (*)(pthread_rwlock_t*)>("pthread_rwlock_wrlock");
  ++locks;
  return lock(mutex);
}

}  // extern "C"

namespace kissa {
namespace {

constexpr int kWarmup = 3;
constexpr int kRuns = 20;
constexpr int kRounds = 3;

constexpr const char* kSmall = R"(
  name: "small"
  layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 64 dim: 64 } } }
  layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
          convolution_param { num_output: 32 kernel_size: 7 stride: 2 pad: 3 } }
  layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
  layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
          pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
  layer { name: "norm1" type: "LRN" bottom: "pool1" top: "norm1" lrn_param { local_size: 5 } }
  layer { name: "a" type: "Convolution" bottom: "norm1" top: "a"
          convolution_param { num_output: 16 kernel_size: 1 } }
  layer { name: "b" type: "Convolution" bottom: "norm1" top: "b"
          convolution_param { num_output: 32 kernel_size: 3 pad: 1 } }
  layer { name: "c" type: "Convolution" bottom: "norm1" top: "c"
          convolution_param { num_output: 16 kernel_size: 5 pad: 2 } }
  layer { name: "all" type: "Concat" bottom: "a" bottom: "b" bottom: "c" top: "all" }
  layer { name: "d" type: "Convolution" bottom: "all" top: "d"
          convolution_param { num_output: 64 kernel_size: 3 pad: 1 group: 64 } }
  layer { name: "sum" type: "Eltwise" bottom: "all" bottom: "d" top: "sum" }
  layer { name: "pool2" type: "Pooling" bottom: "sum" top: "pool2"
          pooling_param { pool: AVE global_pooling: true } }
  layer { name: "ip" type: "InnerProduct" bottom: "pool2" top: "ip"
          inner_product_param { num_output: 10 } }
  layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
)";

// Whether the counters count: otherwise zero says nothing.
bool counters_work() {
  const long before = allocations;
  const long locks_before = locks;
  auto number = std::make_unique<std::atomic<int>>(1);
  std::mutex mutex;
  const std::lock_guard guard(mutex);
  return *number == 1 && allocations > before && locks > locks_before;
}

bool is_steady(const Model& model, std::int64_t batch, int threads) {
  EngineOptions options;
  options.mode = Mode::kFused;
  options.threads = threads;
  options.build_seconds = 0.0;
  const Engine engine = Engine::build(model.with_batch(batch), options);
  Context context = engine.create_context();
  for (int i = 0; i < kWarmup; ++i) context.run();
  // What a run does itself it does in every round; threads that are just ending lock as well.
  long new_allocations = 0;
  long new_locks = 0;
  for (int round = 0; round < kRounds; ++round) {
    const long allocations_before = allocations;
    const long locks_before = locks;
    for (int i = 0; i < kRuns; ++i) context.run();
    new_allocations += allocations - allocations_before;
    new_locks = locks - locks_before;
    if (new_locks == 0) break;
  }
  fmt::print("{}, batch {}, {} thread(s): {} allocations, {} locks in {} runs\n", engine.name(),
             batch, threads, new_allocations, new_locks, kRuns);
  return new_allocations == 0 && new_locks == 0;
}

Model load(const std::string& path) {
  CaffeOptions options;
  options.random_seed = 1;
  return Model::load_caffe(path, "", options);
}

int check_all(const std::filesystem::path& shared) {
  if (!counters_work()) {
    fmt::print("the counters do not count\n");
    return 1;
  }
  const auto small = std::filesystem::temp_directory_path() /
                     fmt::format("kissa_steady_state_{}.prototxt", ::getpid());
  std::ofstream(small) << kSmall;
  std::vector<Model> models = {load(small.string())};
  std::filesystem::remove(small);
  const auto googlenet = shared / "models/bvlc_googlenet/deploy.prototxt";
  if (std::filesystem::exists(googlenet))
    models.push_back(load(googlenet.string()));
  else
    fmt::print("{}: not there, so it is left out\n", googlenet.string());
  bool steady = true;
  for (const Model& model : models)
    for (const std::int64_t batch : {1, 3})
      for (const int threads : {1, 2}) steady &= is_steady(model, batch, threads);
  return steady ? 0 : 1;
}

}  // namespace
}  // namespace kissa

int main(int argc, char** argv) {
  try {
    return kissa::check_all(argc > 1 ? argv[1] : "../shared");
  } catch (const std::exception& error) {
    fmt::print(stderr, "steady_state: {}\n", error.what());
    return 1;
  }
}
