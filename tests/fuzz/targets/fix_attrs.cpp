// The files of /etc/fix-attrs.d.
#include "servicedir/fix_attrs.hpp"

#include "problems.hpp"
#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

constexpr auto kUnchanged = static_cast<unsigned>(-1);  // to chown(2)

void check_rule(const servicedir::AttributeRule& rule) {
  require(rule.where.line > 0, "a rule has a line");
  require(rule.path.starts_with('/'), "a path is absolute", rule.path);
  require(!rule.user.empty() && rule.group != "", "an account has a name", rule.path);
  require(rule.fallback_uid != kUnchanged && rule.fallback_gid != kUnchanged, "an id is one", rule.path);
  require(rule.file_mode.value_or(0) <= 07777 && rule.directory_mode.value_or(0) <= 07777, "a mode is one", rule.path);
}

}  // namespace

void take_fix_attrs(std::string_view input) {
  const servicedir::AttributeRules parsed = servicedir::parse_attributes("/etc/fix-attrs.d/01-app", input);
  check_problems(parsed.problems, Place::Line);
  require(parsed.rules.size() + parsed.problems.size() <= split(input, "\n").size(), "a line is a rule or a problem");
  for (const servicedir::AttributeRule& rule : parsed.rules) check_rule(rule);
}

}  // namespace cinit::fuzz
