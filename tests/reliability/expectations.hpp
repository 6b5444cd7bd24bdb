// What PID 1 need not do when one of its calls fails, each with the reason. Everything else it has to do.
#pragma once

#include <string>

namespace cinit::reliability {

enum class Mode { Once, Always, NowAndThen };

const char* name_of(Mode mode);

// What is excused.
struct Excuse {
  bool silence = false;      // a function may be lost without a line in the log
  bool loss = false;         // a function may be lost although the error passes
  bool broken_stop = false;  // the stop may be late or impossible, or PID 1 may be busy
  bool death = false;        // a signal may end it
  bool identity = false;     // a service may run as what the missing file would have said otherwise
};

// What is excused for this failure: everything that any line of the table excuses.
Excuse excuse_for(const std::string& call, const std::string& subject, int error, Mode mode);

}  // namespace cinit::reliability
