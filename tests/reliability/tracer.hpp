// ptrace(2) on PID 1 alone: which system calls it makes, and failures of our choice in the place of some. Its children run
// free. x86-64 only: the registers' names are the machine's.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <map>
#include <string>

namespace cinit::reliability {

// One call that PID 1 is about to make.
struct PendingCall {
  std::string name;     // "openat"
  std::string subject;  // what it is about: a path, what a descriptor is, a request; empty when there is nothing to say
  long starts = 0;      // how many processes PID 1 has begun before
};

class Tracer {
 public:
  // Says with which errno a call is to fail; 0: it is made.
  using Decide = std::function<int(const PendingCall&)>;

  // `pid` waits for its exec, and is seized. The thread that calls this is the one that has to call run().
  // PID 1 is killed when it has made `most_calls`.
  Tracer(pid_t pid, Decide decide, long most_calls);

  // Until PID 1 has ended. Returns its wait status.
  int run();

  // May be read by another thread while run() is at work.
  long calls() const { return calls_; }
  // After run(): the fault signal that PID 1 was killed for, 0 if there was none. The kernel does not let one end a traced
  // PID 1, which would run into the same fault for ever.
  int fault() const { return fault_; }
  // After run(): how often each call was made, by "name(subject)".
  const std::map<std::string, int>& counts() const { return counts_; }

 private:
  void stopped(int status);
  void call_stop();
  void call_begins(long number, const unsigned long long* arguments);
  PendingCall describe(long number, const unsigned long long* arguments);
  std::string descriptor(unsigned long long fd);
  std::string path(unsigned long long directory, unsigned long long address);
  std::string text_at(unsigned long long address) const;
  void go_on(int signal);

  pid_t pid_;
  Decide decide_;
  bool begun_ = false;  // exec has happened
  int fault_ = 0;
  int inject_ = 0;  // the errno of the call that is under way; 0: it is its own
  std::atomic<long> calls_ = 0;
  long starts_ = 0;
  long most_calls_;
  std::map<std::string, int> counts_;
};

}  // namespace cinit::reliability
