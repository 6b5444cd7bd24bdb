#include "cli/client.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "forked.hpp"
#include "os/unix_stream.hpp"

using namespace cinit;
using cinit::cli::ask;
using cinit::control::Request;

namespace {

constexpr int kLimit = 20'000;  // milliseconds that only a failure takes

bool is_readable(int fd) {
  pollfd ready{fd, POLLIN, 0};
  return poll(&ready, 1, kLimit) == 1;
}

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    read_end = os::Fd(ends[0]);
    write_end = os::Fd(ends[1]);
  }
  std::string text() {
    write_end.reset();
    return test::read_all(read_end.get());
  }
  os::Fd read_end;
  os::Fd write_end;
};

// A server by hand, and a client in a process of its own.
class Stage {
 public:
  Stage() {
    if (!mkdtemp(directory_)) throw std::runtime_error("mkdtemp");
    listener_ = os::listen_at(*os::UnixAddress::of(socket()));
    REQUIRE(listener_);
  }
  ~Stage() {
    unlink(socket().c_str());
    rmdir(directory_);
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  std::string socket() const { return std::string(directory_) + "/s"; }

  void start_client(Request request) {
    pid_ = test::fork_process([&] {
      dup2(out.write_end.get(), STDOUT_FILENO);
      dup2(err.write_end.get(), STDERR_FILENO);
      out.read_end.reset();
      out.write_end.reset();
      _exit(ask({{control::SocketPlace::Kind::Path, socket()}}, request));
    });
    out.write_end.reset();
    err.write_end.reset();
  }

  // What the client asks.
  std::string request() {
    REQUIRE(is_readable(listener_.get()));
    connection = os::accept_connection(listener_.get());
    REQUIRE(is_readable(connection.get()));
    char buffer[control::kLongestRequest];
    const long size = os::sys::receive(connection.get(), buffer, sizeof(buffer));
    return {buffer, static_cast<std::size_t>(std::max(size, 0L))};
  }
  void answer(std::string_view text) {
    REQUIRE(os::sys::send(connection.get(), text) == static_cast<long>(text.size()));
  }
  std::string end() { return test::end_of(pid_); }
  pid_t pid() const { return pid_; }

  Pipe out;
  Pipe err;
  os::Fd connection;

 private:
  char directory_[32] = "/tmp/cinit-client-XXXXXX";
  os::Fd listener_;
  pid_t pid_ = 0;
};

}  // namespace

TEST_CASE_FIXTURE(Stage, "the client sends one request, prints the frames, and ends with the code") {
  start_client({"status", {"--json", "web"}});
  CHECK(request() == "cinit/1 status --json web\n");
  answer("out one\nout \nerr two\no");
  answer("ut three\nend 3\n");
  CHECK(end() == "code 3");
  CHECK(out.text() == "one\n\nthree\n");
  CHECK(err.text() == "two\n");
}

TEST_CASE_FIXTURE(Stage, "what comes is printed at once") {
  start_client({"logs", {"--follow"}});
  request();
  answer("out a line\n");
  char buffer[16];
  REQUIRE(is_readable(out.read_end.get()));
  CHECK(read(out.read_end.get(), buffer, sizeof(buffer)) == 7);
  answer("end 0\n");
  CHECK(end() == "code 0");
}

TEST_CASE_FIXTURE(Stage, "lines of any length and bytes of any kind are passed on") {
  start_client({"logs", {}});
  request();
  const std::string line = std::string(100'000, 'x') + std::string("\0\xff\r", 3);
  const pid_t server = test::fork_process([&] {
    std::string frames = "out " + line + "\nend 0\n";
    while (!frames.empty()) {
      const long size = os::sys::send(connection.get(), frames);
      if (size > 0) frames.erase(0, static_cast<std::size_t>(size));
      pollfd ready{connection.get(), POLLOUT, 0};
      poll(&ready, 1, kLimit);
    }
  });
  CHECK(out.text() == line + "\n");
  CHECK(end() == "code 0");
  CHECK(test::end_of(server) == "code 0");
}

TEST_CASE_FIXTURE(Stage, "a server that goes before it has answered is told of") {
  start_client({"status", {}});
  request();
  answer("out one\nout hal");
  connection.reset();
  CHECK(end() == "code 69");
  CHECK(out.text() == "one\n");
  CHECK(err.text() == "cinit: cinit at " + socket() + " has ended before it had answered\n");
}

TEST_CASE_FIXTURE(Stage, "an answer of another kind is told of") {
  start_client({"status", {}});
  request();
  answer("HTTP/1.0 400 Bad Request\n");
  CHECK(end() == "code 70");
  CHECK(err.text() == "cinit: the answer is none that this version of cinit can read\n");
}

TEST_CASE_FIXTURE(Stage, "when nobody reads its output any more the client ends, even if nothing is said") {
  start_client({"logs", {"--follow"}});
  request();
  out.read_end.reset();
  CHECK(end() == "code 141");
  CHECK(err.text().empty());
}

TEST_CASE_FIXTURE(Stage, "Ctrl-C ends it without a word") {
  start_client({"logs", {"--follow"}});
  request();
  kill(pid(), SIGINT);
  CHECK(end() == "signal 2");
  CHECK(err.text().empty());
}

TEST_CASE_FIXTURE(Stage, "a standard output that is non-blocking and full loses nothing") {
  fcntl(out.write_end.get(), F_SETFL, O_NONBLOCK);
  fcntl(out.write_end.get(), F_SETPIPE_SZ, 4096);
  start_client({"logs", {}});
  request();
  std::string frames;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    frames += "out line " + std::to_string(i) + "\n";
    expected += "line " + std::to_string(i) + "\n";
  }
  answer(frames + "end 0\n");
  CHECK(out.text() == expected);
  CHECK(end() == "code 0");
}

TEST_CASE("where no cinit answers, the client says so") {
  const auto told = [](const std::string& socket) {
    Pipe err;
    const pid_t pid = test::fork_process([&] {
      dup2(err.write_end.get(), STDERR_FILENO);
      _exit(ask({{control::SocketPlace::Kind::Path, socket}}, {"status", {}}));
    });
    const std::string text = err.text();
    return test::end_of(pid) + ": " + text;
  };
  CHECK(told("/nowhere/s") == "code 69: cinit: no cinit answers at /nowhere/s: No such file or directory\n");
  CHECK(told("/etc/passwd") == "code 69: cinit: no cinit answers at /etc/passwd: Connection refused\n");
  CHECK(told("s") == "code 64: cinit: \"s\" is not the path of a socket\n");
}

TEST_CASE("a name that cannot be said is refused before anybody is asked") {
  Pipe err;
  const pid_t pid = test::fork_process([&] {
    dup2(err.write_end.get(), STDERR_FILENO);
    _exit(ask({{control::SocketPlace::Kind::Path, "/nowhere/s"}}, {"status", {"a b"}}));
  });
  CHECK(err.text() == "cinit: \"a b\": a name has neither blanks nor control characters\n");
  CHECK(test::end_of(pid) == "code 64");
}
