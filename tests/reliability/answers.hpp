// How long PID 1 takes to answer, beside a process that has nothing else to do than to answer: what both need is the machine's.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "text.hpp"

namespace cinit::reliability {

class Answers {
 public:
  // `socket` is the path of the control socket.
  explicit Answers(std::string socket);
  ~Answers();
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  // Asks PID 1 for its status, and the other process for a byte.
  void ask_both();

  // What is wrong with the answers, empty when nothing is.
  std::string failure() const;
  // "answers p50 0.3, p99 2.1, max 5.0 ms"
  std::string summary() const;

 private:
  double ask_control() const;

  std::string socket_;
  int control_ = -1;
  pid_t control_pid_ = -1;
  std::vector<double> answers_;   // milliseconds, in the order of asking
  std::vector<double> controls_;  // the same of the other process
  int missing_ = 0;
};

}  // namespace cinit::reliability
