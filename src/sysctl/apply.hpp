// Giving kernel parameters their values, each on its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sysctl/classify.hpp"
#include "sysctl/sources.hpp"

namespace cinit::sysctl {

// Warn: a key that cannot be set is a line in the log. Strict: it ends the boot. Namespaced: a key that is the host's is
// never written. Off: nothing is done.
enum class Policy : std::uint8_t { Warn, Strict, Namespaced, Off };

enum class OutcomeKind : std::uint8_t {
  AlreadyRight,     // nothing was written
  Applied,          // written; the key is the container's own
  AppliedHostWide,  // written, and it changed for everybody on the host: worth a warning
  Unknown,          // the kernel has no such key, or shows it to the host only; or no key matches the pattern
  Refused,          // the kernel did not take the value, or not all of it
  Skipped,          // differs, and is the host's: Policy::Namespaced
  Ignored,          // Unknown or Refused, and "-" in front of the key says that nobody minds
  Malformed,        // a line or a file that could not be understood; `setting` has only `where`
};

struct Outcome {
  OutcomeKind kind = OutcomeKind::Malformed;
  Setting setting;                     // with the key that a pattern led to
  std::optional<std::string> current;  // before anything was written, white space folded; unset: it cannot be read
  int error = 0;                       // the errno of a key that is Unknown, Refused or Ignored
  std::string text;                    // all of it on one line, for the log
};

struct Options {
  Policy policy = Policy::Warn;
  std::string root = "/proc/sys";
  std::optional<HostNamespaces> host;  // unset: find_host_namespaces(), when there is a setting
};

// Reads each key, and writes it when its value differs in more than white space, or cannot be read. What is possible is
// decided by trying: neither uid 0 nor a capability is a sign of it. Never logs and, apart from what the kernel does in the
// write itself, never waits. Outcomes of problems come first, then one for each key in the order of the settings.
std::vector<Outcome> apply(const Sources& sources, const Options& options);

// Whether the boot must end: Policy::Strict, and something is Unknown, Refused or Malformed.
bool ends_boot(Policy policy, std::span<const Outcome> outcomes);

}  // namespace cinit::sysctl
