#include "cli/client.hpp"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string_view>

#include "base/exit_code.hpp"
#include "base/line.hpp"
#include "os/clock.hpp"
#include "os/fd.hpp"
#include "os/file.hpp"
#include "os/socket.hpp"

namespace cinit::cli {
namespace {

constexpr int kClosedOutput = 128 + SIGPIPE;

// Writes all of it, however long that takes, also where somebody has made the descriptor non-blocking. False: nobody reads
// any more.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = write(fd, text.data(), text.size());
    if (size >= 0) {
      text.remove_prefix(static_cast<std::size_t>(size));
    } else if (errno == EAGAIN) {
      pollfd ready{fd, POLLOUT, 0};
      poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

int fail(const std::string& message, int code) {
  write_all(STDERR_FILENO, "cinit: " + message + "\n");
  return code;
}

// Frames on their way to standard output and standard error.
class Printer {
 public:
  // Takes what has come. True: that was the end, or nobody reads it.
  bool take(std::string_view bytes) {
    input_ += bytes;
    std::size_t begin = 0;
    for (std::size_t end = 0; !code_ && (end = input_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      print(std::string_view(input_).substr(begin, end - begin));
    }
    input_.erase(0, begin);
    flush();
    return code_.has_value();
  }

  int code() const { return *code_; }
  // There is no hurry: cinit has said so.
  bool may_take_long() const { return may_take_long_; }

 private:
  void print(std::string_view line) {
    const std::optional<control::Frame> frame = control::parse_frame(line);
    if (!frame) {
      flush();
      if (!code_) code_ = fail("the answer is none that this version of cinit can read", exit_code::kInternal);
      return;
    }
    if (frame->kind == control::Frame::Kind::End) {
      flush();
      if (!code_) code_ = frame->code;
      return;
    }
    if (frame->kind == control::Frame::Kind::Wait) {
      may_take_long_ = true;
      return;
    }
    const int fd = frame->kind == control::Frame::Kind::Out ? STDOUT_FILENO : STDERR_FILENO;
    // The order between both is kept.
    if (fd != fd_) flush();
    fd_ = fd;
    output_ += frame->text;
    output_ += '\n';
  }

  // Standard error is not what the answer is for: without a reader of it the answer goes on.
  void flush() {
    const bool written = write_all(fd_, output_);
    output_.clear();
    if (!written && fd_ == STDOUT_FILENO && !code_) code_ = kClosedOutput;
  }

  std::string input_;   // less than a frame
  std::string output_;  // for `fd_`, not written yet
  int fd_ = STDOUT_FILENO;
  bool may_take_long_ = false;
  std::optional<int> code_;
};

std::string silence(const std::string& socket, Duration patience) {
  Line line;
  line << "the cinit at " << socket << " does not answer: nothing has come from it for " << patience;
  return std::string(line.text());
}

enum class Waited { Answer, NoReader, TooLong };

// Waits for something to read, or until standard output has no reader any more.
Waited wait_for_answer(int connection, Time deadline) {
  std::array<pollfd, 2> ready{pollfd{connection, POLLIN, 0}, pollfd{STDOUT_FILENO, 0, 0}};
  while (true) {
    const timespec left = os::to_timespec(deadline - os::now());
    const int count = ppoll(ready.data(), ready.size(), deadline == kNever ? nullptr : &left, nullptr);
    if (count == 0 && os::now() >= deadline) return Waited::TooLong;
    if (count <= 0) continue;
    if (ready[0].revents != 0) return Waited::Answer;
    if ((ready[1].revents & (POLLERR | POLLHUP)) != 0) return Waited::NoReader;
    if (ready[1].revents != 0) ready[1].fd = -1;  // there is no standard output
  }
}

int print_answer(int connection, const std::string& socket, Duration patience) {
  Printer printer;
  std::array<char, 65536> buffer;
  while (true) {
    const Time deadline = printer.may_take_long() ? kNever : later(os::now(), patience);
    const Waited waited = wait_for_answer(connection, deadline);
    if (waited == Waited::NoReader) return kClosedOutput;
    if (waited == Waited::TooLong) {
      return fail(silence(socket, patience), control::exit_code::kUnavailable);
    }
    const ssize_t size = recv(connection, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size <= 0) {
      return fail("cinit at " + socket + " has ended before it had answered", control::exit_code::kUnavailable);
    }
    if (printer.take({buffer.data(), static_cast<std::size_t>(size)})) return printer.code();
  }
}

// Everything is sent at once, before the answer is read: a request is smaller than a socket's buffer. Who is refused may
// find the connection closed, and the reason waiting to be read.
bool send_request(int connection, std::string_view line) {
  while (!line.empty()) {
    const ssize_t size = send(connection, line.data(), line.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == EPIPE;
    line.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

// A connection to a cinit, or why there is none.
struct Connection {
  os::Fd fd;
  std::string socket;  // where
  std::string why;     // there is none: the reason
  int code = 0;        // and the exit code for it
};

Connection no_cinit(const std::string& socket, int error, Duration patience) {
  const std::string why = strerror(error);
  if (error == EAGAIN) return {{}, socket, silence(socket, patience), control::exit_code::kUnavailable};
  if (error == EACCES || error == EPERM) return {{}, socket, socket + ": " + why, control::exit_code::kNotPermitted};
  return {{}, socket, "no cinit answers at " + socket + ": " + why, control::exit_code::kUnavailable};
}

Connection connect_to(const std::string& socket, Duration patience) {
  const std::optional<os::UnixAddress> address = os::UnixAddress::of(socket);
  if (!address) return {{}, socket, "\"" + socket + "\" is not the path of a socket", exit_code::kUsage};
  // Blocking, within a limit: connect(2) waits while the backlog is full. Both calls fail with EAGAIN after it.
  os::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return no_cinit(socket, errno, patience);
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(patience).count();
  const timeval limit{microseconds / 1'000'000, microseconds % 1'000'000};
  os::sys::setsockopt(fd.get(), SO_SNDTIMEO, limit);
  if (connect(fd.get(), address->get(), address->size) != 0) return no_cinit(socket, errno, patience);
  ucred peer{};
  if (os::sys::getsockopt(fd.get(), SO_PEERCRED, peer) < 0 || !control::is_cinit_or_root(peer)) {
    return {{},
            socket,
            "what answers at " + socket + " is no cinit: it is a process of uid " + std::to_string(peer.uid),
            control::exit_code::kUnavailable};
  }
  return {std::move(fd), socket, "", 0};
}

// The first that answers. Otherwise the reason of the first, but for one where a cinit may be that does not let us in.
Connection connect_to_first(const std::vector<control::SocketPlace>& places, Duration patience) {
  std::optional<Connection> reason;
  for (const control::SocketPlace& place : places) {
    Connection tried = connect_to(place.address, patience);
    if (tried.fd) return tried;
    const bool is_better = !reason || (tried.code == control::exit_code::kNotPermitted && reason->code != tried.code);
    if (is_better) reason = std::move(tried);
  }
  return *std::move(reason);
}

}  // namespace

int ask(const std::vector<control::SocketPlace>& places, const control::Request& request, Duration patience,
        const std::function<std::optional<int>()>& if_none) {
  os::open_standard_descriptors();
  const Result<std::string> line = control::format_request(request);
  if (!line) return fail(line.error().message, exit_code::kUsage);
  const Connection connection = connect_to_first(places, patience);
  if (!connection.fd && connection.code == control::exit_code::kUnavailable && if_none) {
    if (const auto code = if_none()) return *code;
  }
  if (!connection.fd) return fail(connection.why, connection.code);
  signal(SIGPIPE, SIG_IGN);
  if (!send_request(connection.fd.get(), *line)) {
    const Connection lost = no_cinit(connection.socket, errno, patience);
    return fail(lost.why, control::exit_code::kUnavailable);
  }
  return print_answer(connection.fd.get(), connection.socket, patience);
}

}  // namespace cinit::cli
