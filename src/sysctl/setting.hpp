// What somebody asked for: one kernel parameter and its value, or a line that could not be understood.
#pragma once

#include <string>

namespace cinit::sysctl {

struct Setting {
  std::string path;             // below /proc/sys, such as "kernel/shmmax"; may be a pattern of glob(7)
  std::string value;            // without white space around it; may be empty
  std::string where;            // as messages show it: "/etc/sysctl.conf:3"
  bool ignore_failure = false;  // "-" in front of the key
  bool exclusion = false;       // "-KEY" without "=": patterns leave the key alone; there is no value (sysctl.d(5))
};

// Never stops the other settings.
struct Problem {
  std::string where;
  std::string message;  // one line
};

}  // namespace cinit::sysctl
