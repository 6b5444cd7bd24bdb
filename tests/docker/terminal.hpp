// A person at a terminal: a program of this machine that has one as its controlling terminal.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "engine.hpp"

namespace cinit::docker {

inline constexpr const char* kCtrlC = "\x03";
inline constexpr const char* kCtrlD = "\x04";

// The destructor ends the program.
class Terminal {
 public:
  explicit Terminal(const Arguments& command);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(std::string_view text) const;
  // Whether `text` is on the screen now.
  bool shows(std::string_view text);
  // Waits until it is.
  void wait_for(std::string_view text);
  // Waits for the end of the program, and returns its exit code.
  int wait_exit();

 private:
  bool read_screen(Clock::duration limit);

  pid_t pid_ = -1;
  int fd_ = -1;
  std::string screen_;
};

}  // namespace cinit::docker
