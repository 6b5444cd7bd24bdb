// Writing lines to a descriptor without ever waiting for whoever reads it.
#pragma once

#include <cstddef>
#include <string>

namespace cinit::os {

// The way to one of our standard descriptors. O_NONBLOCK is not set on the descriptor that we inherited, since everything
// that we start shares it; a pipe or a terminal is opened anew through /proc/self/fd, with a state of its own.
//
// All lines for one file go through one object (see is_same_file()): of a line for which there is room only in part, it
// keeps the rest, and writes that before anything else.
class LineWriter {
 public:
  // Looks at descriptor `fd`, which stays the caller's and stays open.
  explicit LineWriter(int fd);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // Takes one line, which ends with a newline, as a whole. False: nothing was taken, and error() says why. Up to PIPE_BUF
  // bytes are written at once, so that nobody else's can come between them: pipe(7). Of more, that part may be kept for
  // which there is no room yet.
  bool write_line(const char* line, std::size_t size);

  // Tries to get rid of the rest of a line. False: there is one, still, and error() says why.
  bool flush();
  bool has_rest() const { return !rest_.empty(); }
  std::size_t rest_size() const { return rest_.size(); }

  // The errno of what failed last: EAGAIN when there was no room, which may be waited for; EPIPE and others when nobody is
  // there to read, or the disk is full.
  int error() const { return error_; }

  // The descriptor that epoll(7) reports with EPOLLOUT when there is room; -1 when writing never waits, as with a file.
  int poll_fd() const { return kind_ == Kind::File ? -1 : fd_; }

 private:
  enum class Kind {
    Own,     // a description of our own, in non-blocking mode
    Socket,  // send(2) need not wait
    Shared,  // the inherited descriptor, asked with poll(2) before each PIPE_BUF bytes
    File,    // never waits
  };

  std::size_t write_part(const char* data, std::size_t size);
  long write_once(const char* data, std::size_t size);

  Kind kind_ = Kind::Shared;
  int fd_;
  int error_ = 0;
  std::string rest_;
};

// Whether two descriptors refer to the same file, as 1 and 2 do on a terminal or after 2>&1.
bool is_same_file(int first, int second);

}  // namespace cinit::os
