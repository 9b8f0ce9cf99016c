// Measured times of tactics, by what they ran and where: a JSON file that users keep.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "planner/partition.h"

namespace kissa {

// What a region computes, as text: ops, parameters, epilogues and shapes. Regions with equal
// signatures take equal time on one machine.
std::string signature_of(const Region& region);

class TimingCache {
 public:
  // An absent file is an empty cache. Throws kInvalidFile where it is no timing cache of a version
  // that this program knows.
  static TimingCache load(const std::string& path);
  // Replaces the file as a whole. Throws kInvalidFile where it cannot be written.
  void save(const std::string& path) const;

  // `machine`: device, ISA and threads.
  std::optional<double> find(const std::string& machine, const std::string& signature,
                             std::string_view tactic) const;
  void insert(const std::string& machine, const std::string& signature, std::string_view tactic,
              double microseconds);

 private:
  // machine -> signature -> tactic -> microseconds
  std::map<std::string, std::map<std::string, std::map<std::string, double>>> times_;
};

}  // namespace kissa
