// A mark that a process cannot take off: it tells whose a process is after its parents, its session and its environment have told
// nothing any more.
//
// It is a pair of resource limits that the kernel has kept without effect since Linux 2.4, RLIMIT_LOCKS and RLIMIT_RSS: getrlimit(2).
// A child inherits them, also across setsid(2), exec(2) and a change of its user, and every process may read them in
// /proc/[pid]/limits. (An environment variable is lost when a program overwrites its arguments to set its title, as nginx and
// PostgreSQL do, and /proc/[pid]/environ of another user needs CAP_SYS_PTRACE.) Of two marks one has the higher first number and
// the other has the higher second number, and a hard limit can only be lowered without CAP_SYS_RESOURCE: so a process can spoil its mark, and
// cannot take that of another service.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>

#include "os/processes.hpp"
#include "os/spawn.hpp"

namespace cinit::os {

enum class MarkKind : std::uint32_t { Service, Probe };

struct Mark {
  std::uint32_t number;
  MarkKind kind;
};

// The marks that the hard limits of this process leave room for. Inside a process that has a mark itself, as of a cinit in a cinit,
// all of them count as that mark for the outer one.
class Marks {
 public:
  static constexpr std::uint32_t kMost = 1U << 18;

  // Reads the limits of this process.
  Marks();

  // The limits that make the mark; std::nullopt when there is no room for it.
  std::optional<std::array<ResourceLimit, 2>> limits_of(const Mark& mark) const;

  // The mark of a process; std::nullopt: it has none, or none of these.
  std::optional<Mark> of(const Processes& processes, pid_t pid) const;

 private:
  struct Axis {
    std::uint64_t base = 0;
    std::uint64_t step = 0;  // from one number to the next; 0: there is no room
  };
  static Axis axis_of(int resource);

  Axis locks_;
  Axis size_;
};

}  // namespace cinit::os
