// What was thrown at PID 1, and what came of it.
#pragma once

#include <string>

#include "text.hpp"

namespace cinit::reliability {

// The outcome of one row: one container, one thing thrown at it.
struct Outcome {
  Strings failures;      // what must not be; empty: passed
  std::size_t late = 0;  // how many of them say that something took too long, which may be the machine's fault
  Strings notes;         // figures, for the table
  std::string evidence;  // the container's log, kept when something failed

  void fail(const std::string& what) { failures.push_back(what); }
  void fail_late(const std::string& what) {
    fail(what);
    ++late;
  }
  void note(const std::string& what) { notes.push_back(what); }
  void require_in_time(bool holds, const std::string& what) {
    if (!holds) fail_late(what);
  }
  void require(bool holds, const std::string& what) {
    if (!holds) fail(what);
  }
};

// For the pipe between the process of a row and the driver.
std::string to_text(const Outcome& outcome);
Outcome outcome_from(const std::string& text);

}  // namespace cinit::reliability
