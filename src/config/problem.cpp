#include "config/problem.hpp"

#include <algorithm>

namespace cinit::config {

std::string to_string(const Problem& problem) {
  std::string text = problem.where.file;
  if (problem.where.line != 0) {
    text += ':' + std::to_string(problem.where.line) + ':' + std::to_string(problem.where.column);
  }
  text += problem.severity == Severity::Error ? ": error: " : ": warning: ";
  return text + problem.message;
}

bool has_errors(std::span<const Problem> problems) {
  return std::ranges::any_of(problems, [](const Problem& problem) { return problem.severity == Severity::Error; });
}

}  // namespace cinit::config
