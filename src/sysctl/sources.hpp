// Where settings come from.
#pragma once

#include <string>
#include <vector>

#include "sysctl/setting.hpp"

namespace cinit::sysctl {

// A list of keys that somebody wrote; what is bigger is something else by mistake.
inline constexpr std::size_t kLargestFile = std::size_t{1} << 20U;  // bytes

// Where an image has its kernel parameters.
inline constexpr char kSysctlConf[] = "/etc/sysctl.conf";

// A key and its value from the configuration itself, as they are written there.
struct Assignment {
  std::string key;
  std::string value;
  std::string where;  // as messages show it
};

// What the configuration asks for on top of /etc/sysctl.conf.
struct Request {
  std::vector<std::string> files;  // paths, or patterns of glob(7); with "-" in front a file may be missing
  std::vector<Assignment> set;
};

struct Sources {
  std::vector<Setting> settings;  // of which later ones win
  std::vector<Problem> problems;
};

// Reads /etc/sysctl.conf, which may be missing, then `files` in their order, those of a pattern by name as in the C locale,
// then `set`. A named file that cannot be read is a problem; a pattern without a match is none. Never waits for a FIFO.
// `root` is put in front of /etc/sysctl.conf.
Sources read_sources(const Request& request, const std::string& root = "");

}  // namespace cinit::sysctl
