// Writing lines to standard error without ever waiting for whoever reads it.
#pragma once

#include <cstddef>

namespace cinit::os {

// The way to our standard error. O_NONBLOCK is not set on the descriptor that we inherited, since everything that we start
// shares it; a pipe or a terminal is opened anew through /proc/self/fd/2, with a state of its own.
class Stderr {
 public:
  // Looks at descriptor 2.
  Stderr();
  ~Stderr();
  Stderr(const Stderr&) = delete;
  Stderr& operator=(const Stderr&) = delete;

  // Writes one line, which ends with a newline, as a whole. False: there was no room, and nothing was written; or nobody is
  // there to read it. A line longer than PIPE_BUF is cut at that length, since more is not written at once: pipe(7). A file
  // takes lines of any length.
  bool write_line(const char* line, std::size_t size);

 private:
  enum class Kind {
    Own,     // a description of our own, in non-blocking mode
    Socket,  // send(2) need not wait
    Shared,  // the inherited descriptor, asked with poll(2) first
    File,    // never waits
  };

  bool write_whole(const char* line, std::size_t size);

  Kind kind_ = Kind::Shared;
  int fd_ = 2;
};

}  // namespace cinit::os
