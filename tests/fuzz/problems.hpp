// What holds for every problem that a reader reports.
#pragma once

#include <span>

#include "config/problem.hpp"

namespace cinit::fuzz {

// Whether each problem is of a line, or may be of a file as a whole.
enum class Place { Line, File };

void check_problems(std::span<const config::Problem> problems, Place place);

}  // namespace cinit::fuzz
