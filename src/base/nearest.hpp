// "did you mean ...?"
#pragma once

#include <span>
#include <string_view>

namespace cinit {

// The candidate that `word` was probably meant to be: fewest letters inserted, deleted, replaced or swapped with their
// neighbour, and not more than a third of the word (at least one, at most three). Empty when none is that near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace cinit
