// sysctl.conf.
#include <algorithm>
#include <cerrno>

#include "sysctl/classify.hpp"
#include "sysctl/explain.hpp"
#include "sysctl/parse.hpp"
#include "sysctl/text.hpp"
#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

constexpr std::string_view kFile = "/etc/sysctl.conf";

void check_place(const std::string& where) {
  require(where.starts_with(std::string(kFile) + ":") && where.size() > kFile.size() + 1, "a place is file and line",
          where);
}

void check_setting(const sysctl::Setting& setting) {
  check_place(setting.where);
  require(is_one_line(setting.path), "a path has no control characters", setting.path);
  for (const std::string_view component : split(setting.path, "/")) {
    require(!component.empty() && component != "." && component != "..", "a path leads below /proc/sys", setting.path);
  }
  require(std::ranges::all_of(split(setting.value, "\t"), is_one_line), "a value is one line", setting.value);
  require(sysctl::trim(setting.value) == setting.value, "there are no blanks around a value", setting.value);
  require(!setting.exclusion || (setting.value.empty() && setting.ignore_failure), "an exclusion has no value");
  const std::string key = sysctl::to_key(setting.path);
  const Result<std::string> path = sysctl::to_path(key);
  require(path && *path == setting.path, "a key leads back to its path", key);
}

// Written out again, it means the same.
void check_again(const sysctl::Setting& setting) {
  const std::string dash = setting.ignore_failure ? "-" : "";
  // The comment takes the place where a byte order mark would be one.
  const std::string line =
      "#\n" + dash + sysctl::to_key(setting.path) + (setting.exclusion ? "" : "=" + setting.value) + "\n";
  if (line.size() > sysctl::kLongestLine) return;
  const sysctl::Parsed again = sysctl::parse(kFile, line);
  require(again.settings.size() == 1 && again.problems.empty(), "a setting can be written", line);
  require(again.settings[0].path == setting.path && again.settings[0].value == setting.value &&
              again.settings[0].exclusion == setting.exclusion,
          "a setting comes back as it was", line);
}

void check_explanations(const sysctl::Setting& setting) {
  const sysctl::Circumstances circumstances{"/proc/sys", true, 0, {}};
  const std::string before = setting.value + "\n\x1b[2J";  // what the kernel says of itself
  for (const std::string& text :
       {sysctl::explain_applied(setting, before, setting.value, true), sysctl::explain_already_right(setting),
        sysctl::explain_skipped(setting, before), sysctl::explain_unknown(setting, circumstances),
        sysctl::explain_refused({setting, before, EACCES, false, {}}, circumstances)}) {
    require(!text.empty() && is_one_line(text), "an outcome is one line", text);
  }
}

}  // namespace

void take_sysctl(std::string_view input) {
  const sysctl::Parsed parsed = sysctl::parse(kFile, input);
  for (const sysctl::Problem& problem : parsed.problems) {
    check_place(problem.where);
    require(!problem.message.empty() && is_one_line(problem.message), "a problem is one line", problem.message);
  }
  for (const sysctl::Setting& setting : parsed.settings) {
    check_setting(setting);
    check_again(setting);
    if (!setting.exclusion) check_explanations(setting);
  }
}

}  // namespace cinit::fuzz
