// Which known name did a mistyped one mean?
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kissa {

// Edits (insert, drop, change, swap two neighbours) that turn one name into the other, letter case
// aside.
int edit_distance(std::string_view a, std::string_view b);

// The `limit` candidates at the smallest distance, nearest first, equally near ones by name.
std::vector<std::string_view> nearest(std::string_view name,
                                      std::vector<std::string_view> candidates, std::size_t limit);

// "; did you mean 'Pooling'?" for an error message, or nothing where no candidate is close.
std::string did_you_mean(std::string_view name, std::vector<std::string_view> candidates);

}  // namespace kissa
