// Measured times of tactics, by what they ran and where, and the tactics that were fastest
// together: a JSON file that users keep.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "planner/partition.h"

namespace kissa {

// What a region computes, as text: ops, parameters, epilogues and shapes. Regions with equal
// signatures take equal time on one machine.
std::string signature_of(const Region& region);

// What a network's choice of tactics depends on, as a short text: each group's signature and the
// tactics that take it. `signatures`: of the groups, in their order.
std::string network_key(const std::vector<Group>& groups,
                        const std::vector<std::string>& signatures);

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

  // The tactics of a network's groups, in their order, that ran fastest together. `network`: from
  // network_key().
  std::optional<std::vector<std::string>> find_choice(const std::string& machine,
                                                      const std::string& network) const;
  void insert_choice(const std::string& machine, const std::string& network,
                     std::vector<std::string> tactics);

 private:
  // machine -> signature -> tactic -> microseconds
  std::map<std::string, std::map<std::string, std::map<std::string, double>>> times_;
  // machine -> network -> tactics
  std::map<std::string, std::map<std::string, std::vector<std::string>>> choices_;
};

}  // namespace kissa
