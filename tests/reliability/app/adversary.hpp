// The acts of the adversary: each is done once, and takes a few seconds at most.
#pragma once

#include <array>
#include <cstdint>

namespace app {

using Family = std::array<int, 8>;

struct Means {
  std::uint64_t random = 1;
  Family* family = nullptr;  // its own processes, which it does not hurt: shared by them
  bool spares_pid_1 = false;

  unsigned any(unsigned below);
  bool is_own(int pid) const;
};

// adversary_processes.cpp
void stop_others(Means& means);
void stop_newcomers(Means& means);
void signal_others(Means& means);
void signal_all(Means& means);
void trace_others(Means& means);
void limit_others(Means& means);
void slow_others(Means& means);
void use_memory(Means& means);
void fork_many(Means& means);
void read_and_write_proc(Means& means);

// adversary_files.cpp
void lease_files(Means& means);
void exchange_files(Means& means);
void replace_programs(Means& means);
void link_logs(Means& means);
void show_fifo(Means& means);
void change_modes(Means& means);
void play_terminal(Means& means);
void meddle_with_output(Means& means);

// adversary_sockets.cpp
void send_passengers(Means& means);
void notify_nonsense(Means& means);
void knock_at_control(Means& means);

}  // namespace app
