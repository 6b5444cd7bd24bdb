#include "config/problem.hpp"

#include <algorithm>

#include "config/quote.hpp"

namespace cinit::config {

std::string to_string(const Location& where) {
  std::string file = quote_path(where.file);
  if (where.line == 0) return file;
  return file + ':' + std::to_string(where.line) + ':' + std::to_string(where.column);
}

std::string to_string(const Problem& problem) {
  const char* const severity = problem.severity == Severity::Error ? ": error: " : ": warning: ";
  return to_string(problem.where) + severity + problem.message;
}

bool has_errors(std::span<const Problem> problems) {
  return std::ranges::any_of(problems, [](const Problem& problem) { return problem.severity == Severity::Error; });
}

bool may_pass(std::span<const Problem> problems) { return std::ranges::any_of(problems, &Problem::may_pass); }

}  // namespace cinit::config
