// What the kernel's OOM killer has done in this container.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace cinit::os {

struct OomKills {
  std::uint64_t count = 0;             // of processes that it has ended so far
  std::optional<std::uint64_t> limit;  // of the container's memory, in bytes; unset: there is none, or it is not known
};

// From the memory controller of the cgroup that the calling process is in: memory.events and memory.max of cgroup v2, or
// memory.oom_control and memory.limit_in_bytes of v1 (Documentation/admin-guide/cgroup-v2.rst, .../cgroup-v1/memory.rst). A
// kill is counted before the process gets SIGKILL. std::nullopt: /sys/fs/cgroup or its counter (Linux 4.13) is not there.
// `root` is put in front of every path.
std::optional<OomKills> read_oom_kills(const std::string& root = "");

}  // namespace cinit::os
