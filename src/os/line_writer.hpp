// Writing lines to a descriptor without ever waiting for whoever reads it.
#pragma once

#include <stdlib.h>

#include <cstddef>
#include <memory>
#include <string_view>

namespace cinit::os {

// Whether a descriptor is a terminal: isatty(3).
bool is_terminal(int fd);

// The way to one of our standard descriptors. O_NONBLOCK is not set on the descriptor that we inherited, since everything
// that we start shares it; a pipe or a terminal is opened anew through /proc/self/fd, with a state of its own. Where that is
// refused, only calls that the kernel does not let wait are made on the inherited one.
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
  // which there is no room yet; without memory for it, it is lost.
  bool write_line(const char* line, std::size_t size);

  // Tries to get rid of the rest of a line. False: there is one, still, and error() says why.
  bool flush();
  bool has_rest() const { return rest_size_ > 0; }
  std::size_t rest_size() const { return rest_size_; }

  // To be called before anything runs that may write here, too: where every line will be lost, because this is a terminal
  // that can neither be opened anew nor written to without the risk to wait, the terminal is told so with this line.
  void tell_if_lost(std::string_view line) const;

  // The errno of what failed last: EAGAIN when there was no room, which may be waited for; EPIPE and others when nobody is
  // there to read, or the disk is full; EOPNOTSUPP when this descriptor cannot be written to without the risk to wait.
  int error() const { return error_; }

  // There was no room at the last attempt, and nobody has said since then that there is some.
  bool is_full() const { return full_; }
  // The poller has said that there is room, or that there never will be: it is worth another attempt.
  void expect_room() { full_ = false; }

  // The descriptor that epoll(7) reports with EPOLLOUT when there is room; -1 when writing never waits, as with a file.
  int poll_fd() const { return kind_ == Kind::File ? -1 : fd_; }

 private:
  enum class Kind {
    Own,     // a description of our own, in non-blocking mode
    Socket,  // send(2) need not wait
    Pipe,    // the inherited descriptor of a pipe, which is never written to with write(2)
    Other,   // the inherited descriptor of something else
    File,    // never waits
  };
  struct Free {
    void operator()(char* memory) const { free(memory); }
  };

  std::size_t write_part(const char* data, std::size_t size);
  long write_once(const char* data, std::size_t size);
  void keep_rest(const char* data, std::size_t size);
  void drop_rest();

  Kind kind_ = Kind::Other;
  bool full_ = false;
  int fd_;
  int error_ = 0;
  // Not a std::string: want of memory costs the rest of a line, and no more.
  std::unique_ptr<char, Free> rest_;
  std::size_t rest_begin_ = 0;
  std::size_t rest_size_ = 0;
};

// Whether two descriptors refer to the same file, as 1 and 2 do on a terminal or after 2>&1.
bool is_same_file(int first, int second);

}  // namespace cinit::os
