// Samples as a table, as JSON and as a picture.
#pragma once

#include <string>
#include <vector>

#include "times.hpp"

namespace cinit::bench {

// A row for each figure and program: median, the middle half of the values, and the ratio to `reference` (the first program of the
// figure where that one has not got it).
std::string table(const std::vector<Sample>& samples, const std::string& reference);

std::string json(const std::vector<Sample>& samples);

// Bars of the medians of one figure, as SVG: readable on a light and on a dark page.
std::string picture(const std::vector<Sample>& samples, const std::string& figure);

}  // namespace cinit::bench
