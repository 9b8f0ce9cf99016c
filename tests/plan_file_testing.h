// What the tests of plan files share: saving, loading, damaging and forging them.
#pragma once

#include <gtest/gtest.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "import/caffe/file_testing.h"
#include "kissa/kissa.h"

namespace kissa {

inline std::vector<float> run(const Engine& engine) {
  Context context = engine.create_context();
  float next = -1.0f;
  for (const TensorInfo& input : engine.inputs())
    for (float& value : context.input(input.name))
      value = next = next < 1.0f ? next + 0.01f : -1.0f;
  context.run();
  std::vector<float> all;
  for (const TensorInfo& output : engine.outputs()) {
    const std::span<const float> values = context.output(output.name);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

inline std::vector<std::string> tactics_of(const Engine& engine) {
  std::vector<std::string> tactics;
  for (const StepInfo& step : engine.steps()) tactics.push_back(step.tactic);
  return tactics;
}

inline std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A path for a plan file, whose content `save` writes.
struct PlanPath : caffe::TempFile {
  PlanPath() : TempFile("net.kissa", "") {}
  explicit PlanPath(const Engine& engine) : PlanPath() { engine.save(path()); }
};

// What loading and saving again says; empty where all is well.
inline std::string complaint(const std::string& path) {
  const PlanPath again;
  try {
    Engine::load(path).save(again.path());
    return {};
  } catch (const Error& error) {
    EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what();
    return error.what();
  }
}

// ---- Files that are whole but say what no Kissa would

constexpr std::size_t kHeader = 72;

inline std::uint64_t& number_at(std::string& bytes, std::size_t offset) {
  return *reinterpret_cast<std::uint64_t*>(bytes.data() + offset);
}

inline nlohmann::json description_of(std::string bytes) {
  return nlohmann::json::parse(bytes.substr(kHeader, number_at(bytes, 24)));
}

// The file with another description and all checksums right.
inline std::string forge(std::string bytes, const nlohmann::json& description) {
  std::string text = description.dump();
  text.resize((kHeader + text.size() + 4095) / 4096 * 4096 - kHeader, ' ');
  bytes.replace(kHeader, number_at(bytes, 24), text);
  number_at(bytes, 16) = bytes.size();
  number_at(bytes, 24) = text.size();
  number_at(bytes, 48) = XXH3_64bits(text.data(), text.size());
  number_at(bytes, 64) = XXH3_64bits(bytes.data(), 64);
  return bytes;
}

}  // namespace kissa
