#include "problems.hpp"

#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {

void check_problems(std::span<const config::Problem> problems, Place place) {
  for (const config::Problem& problem : problems) {
    const std::string text = to_string(problem);
    require(!problem.message.empty() && is_harmless(text), "a problem is one line", text);
    require(!problem.where.file.empty(), "a problem names its file", text);
    require(place == Place::File || problem.where.line > 0, "a problem names its line", text);
    require((problem.where.line > 0) == (problem.where.column > 0), "a line has a column", text);
  }
}

}  // namespace cinit::fuzz
