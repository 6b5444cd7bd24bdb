// What /proc of this machine says about processes of a container.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "text.hpp"

namespace cinit::reliability {

struct Effort {
  Duration processor_time{};
  Duration wanted{};   // the time that it ran or wanted to run, which does not depend on how busy the machine is
  long transfers = 0;  // calls of read(2), write(2) and their like
  long resident_kb = 0;
};

// What a process has needed so far; zeros when it is gone.
Effort effort_of(pid_t pid);

// What is wrong when a process, in `span` in which nothing happens to it, does as much as between these two; empty: nothing.
std::string is_busy(const Effort& before, const Effort& after, Duration span);

// The value of a line "KEY:\t..." of /proc/PID/status, empty when there is none.
std::string status_of(pid_t pid, const std::string& key);

// The children of PID 1 of a container, by their numbers on this machine.
std::vector<pid_t> children_of(pid_t pid);

// The number on this machine of the child of `parent` that has the number `pid` in its own PID namespace.
std::optional<pid_t> find_child(pid_t parent, pid_t pid);

}  // namespace cinit::reliability
