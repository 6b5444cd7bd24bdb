// fix-attrs of s6-overlay: sets the owners and modes that /etc/fix-attrs.d asks for. A program of its own, so that PID 1 does
// not stand still for a large volume.
#include "servicedir/fix_attrs.hpp"

#include <string>
#include <string_view>

#include "dropin/print.hpp"
#include "dropin/programs.hpp"

namespace cinit::dropin {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 100;

void complain(const std::string& line) { print(2, "fix-attrs: " + line + "\n"); }

}  // namespace

int run_fix_attrs(char** argv) {
  const bool hidden = argv[1] && argv[1] == std::string_view("--hidden");
  if (argv[1] && (!hidden || argv[2])) {
    print(2, "fix-attrs: usage: fix-attrs [--hidden]\n");
    return kWrongUsage;
  }
  const servicedir::AttributeRules read = servicedir::read_attributes(servicedir::kFixAttrs);
  for (const config::Problem& problem : read.problems) complain(to_string(problem));
  const std::vector<std::string> failures = servicedir::apply_attributes(read.rules, hidden);
  for (const std::string& failure : failures) complain(failure);
  return read.problems.empty() && failures.empty() ? 0 : kFailed;
}

}  // namespace cinit::dropin
