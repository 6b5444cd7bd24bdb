// Counts what a program does, instruction by instruction or call by call, with ptrace(2). The same run gives the same numbers on
// any machine, however busy. x86-64 only: a system call is known by its opcode.
#pragma once

#include <sys/types.h>

#include <functional>

namespace cinit::bench {

struct Count {
  long instructions = 0;  // in user mode; 0 where only calls are counted
  long calls = 0;
};

// PID 1 of a container, which waits for its exec. What it starts is counted as well, up to its own exec, and is let go there.
class Counter {
 public:
  // Seizes `pid`. The thread that calls this is the one that has to call the others. Throws when that is not allowed.
  explicit Counter(pid_t pid);

  // From the exec of PID 1, which `release` causes, until one of its children has called exec. Throws when PID 1 ends before.
  Count count_instructions_until_exec(const std::function<void()>& release);

  // Counts calls until `done` answers true, which it is asked after each of them and every few milliseconds, or until PID 1 ends.
  // The first time begins with the exec of PID 1, which `release` causes.
  Count count_calls(const std::function<void()>& release, const std::function<bool()>& done);

  bool has_ended() const { return has_ended_; }

 private:
  bool is_at_call(pid_t tracee) const;
  void go_on(pid_t tracee, int request, int signal = 0) const;

  pid_t pid_;
  bool has_begun_ = false;
  bool has_ended_ = false;
};

}  // namespace cinit::bench
