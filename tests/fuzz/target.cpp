#include "target.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "text.hpp"

namespace cinit::fuzz {
namespace {

constexpr Target kTargets[] = {
    {"accounts", take_accounts},
    {"control-answer", take_control_answer},
    {"control-request", take_control_request},
    {"env-file", take_env_file},
    {"execline", take_execline},
    {"fix-attrs", take_fix_attrs},
    {"http-answer", take_http_answer},
    {"notify", take_notify},
    {"output", take_output},
    {"service-directories", take_service_directories},
    {"sysctl", take_sysctl},
    {"toml", take_toml},
    {"values", take_values},
    {"words", take_words},
};

}  // namespace

std::span<const Target> targets() { return kTargets; }

const Target* find_target(std::string_view name) {
  const Target* const found = std::ranges::find(kTargets, name, &Target::name);
  return found == std::end(kTargets) ? nullptr : found;
}

void require(bool holds, std::string_view rule, std::string_view detail) {
  if (holds) return;
  const std::string text = "broken rule: " + std::string(rule) + "\n  " + visible(detail) + "\n";
  std::fputs(text.c_str(), stderr);
  std::abort();
}

}  // namespace cinit::fuzz
