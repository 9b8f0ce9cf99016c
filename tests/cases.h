// The case files of tests/cases: ops with their parameters and input shapes, one a line
// (tests/cases/README.md). Tests run them against the references, benchmarks time them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "ops/op.h"

namespace kissa {

// Random data of one input: uniform in [low, high), or integers of [low, high].
struct Fill {
  float low = -1.0f;
  float high = 1.0f;
  bool integers = false;
  friend bool operator==(const Fill&, const Fill&) = default;
};

struct OpCase {
  std::string name;
  Op op;
  Shapes in;
  std::vector<Fill> fills;  // one an input
  bool finite = true;       // whether every output is, for such data
  bool large = false;       // a real network's layer: worth timing, slow by the reference
};

// Throws kInvalidFile, saying what is wrong with the line.
OpCase parse_case(std::string_view line);
// In the order of the file. Throws kInvalidFile with file and line in front.
std::vector<OpCase> read_cases(const std::filesystem::path& file);
// Of every *.txt file of the folder, in the order of their names.
std::vector<OpCase> read_all_cases(const std::filesystem::path& folder);

// What a reference reads for a case: its inputs, then its parameters. The same seed gives the same
// data on every machine. Parameters named variance or scale_factor are positive.
class CaseData {
 public:
  CaseData(const OpCase& op_case, std::uint32_t seed);

  const Shapes& shapes() const { return shapes_; }
  std::vector<std::vector<float>>& tensors() { return tensors_; }
  // Views of shapes() and tensors(): valid as long as this object stays where it is.
  std::vector<ConstTensor> views() const;

 private:
  Shapes shapes_;
  std::vector<std::vector<float>> tensors_;
};

}  // namespace kissa
