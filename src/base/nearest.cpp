#include "base/nearest.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace cinit {
namespace {

// Nothing that is meant as a name is longer, and the cost grows with the product of the lengths.
constexpr std::size_t kLongestWord = 64;

// How many letters must be inserted, deleted, replaced or swapped with their neighbour to make `b` of `a`: the optimal
// string alignment distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;

  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > kLongestWord) return {};
  std::string_view best;
  std::size_t limit = std::clamp<std::size_t>(word.size() / 3, 1, 3);
  for (const std::string_view candidate : candidates) {
    if (candidate.empty() || candidate.size() > word.size() + limit) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance > limit || (distance == limit && !best.empty())) continue;
    best = candidate;
    limit = distance;
  }
  return best;
}

}  // namespace cinit
