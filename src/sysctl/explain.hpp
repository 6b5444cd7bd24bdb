// Outcomes in words: the key, its place, what was wanted, what is, why, and the way out, on one line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sysctl/classify.hpp"
#include "sysctl/setting.hpp"

namespace cinit::sysctl {

// A key that did not get its value.
struct Failure {
  const Setting& setting;
  std::optional<std::string> current;
  int error = 0;
  bool read_only = false;     // nobody may write it here
  std::string_view left_out;  // what the kernel did not take of a value; it took the rest
};

// What the words depend on, apart from the key.
struct Circumstances {
  std::string root;  // "/proc/sys"
  bool root_exists = true;
  unsigned uid = 0;  // the effective one
  HostNamespaces host;
};

std::string explain_applied(const Setting& setting, const std::optional<std::string>& before,
                            const std::optional<std::string>& after, bool host_wide);
std::string explain_already_right(const Setting& setting);
std::string explain_skipped(const Setting& setting, const std::optional<std::string>& current);
std::string explain_unknown(const Setting& setting, const Circumstances& circumstances);
std::string explain_refused(const Failure& failure, const Circumstances& circumstances);

}  // namespace cinit::sysctl
