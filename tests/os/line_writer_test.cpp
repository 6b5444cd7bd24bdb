#include "os/line_writer.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>
#include <stdexcept>
#include <string>

#include "files.hpp"
#include "forked.hpp"
#include "os/fd.hpp"
#include "os/signals.hpp"

using namespace cinit::test;
namespace os = cinit::os;

namespace {

constexpr int kPipeSize = 4096;

void become_stderr(int fd) {
  if (dup2(fd, 2) != 2) throw std::runtime_error("dup2");
  close(fd);
}

// Descriptor 2 becomes the end of a pipe of that size. Returns the other end.
os::Fd pipe_as_stderr(int size = kPipeSize) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[1], F_SETPIPE_SZ, size) != size) throw std::runtime_error("pipe2");
  become_stderr(ends[1]);
  return os::Fd(ends[0]);
}

os::Fd socket_as_stderr(int type) {
  int ends[2];
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("socketpair");
  become_stderr(ends[1]);
  return os::Fd(ends[0]);
}

std::string put(os::LineWriter& out, const std::string& line) {
  return out.write_line(line.data(), line.size()) ? "yes " : "no ";
}

std::string poll_fd_of(const os::LineWriter& out) { return std::to_string(out.poll_fd()) + " "; }

std::string drain(int fd) {
  std::string text(1 << 20, '\0');
  const ssize_t size = read(fd, text.data(), text.size());
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

// Whether everybody who shares the descriptor would find it non-blocking.
std::string mode_of_shared() { return (fcntl(2, F_GETFL) & O_NONBLOCK) != 0 ? "non-blocking" : "blocking"; }

// Without /proc, where the inherited descriptor itself has to do.
std::string without_proc(const Body& body, std::initializer_list<long> refused = {}) {
  return in_child([&] {
    enter_mount_namespace();
    hide_proc();
    for (const long call : refused) refuse_call(call, ENOSYS);
    return body();
  });
}

// Once with /proc, once without, and once without what newer kernels have for that.
void in_each_way(const Body& body, const std::string& expected) {
  CHECK(in_child(body) == expected);
  CHECK(without_proc(body) == expected);
  CHECK(without_proc(body, {SYS_pwritev2}) == expected);
}

const std::string kLine = "a line\n";

// Descriptor 2 becomes a terminal, without a controlling terminal for this process. Returns the other end.
os::Fd terminal_as_stderr() {
  int ours = -1;
  int theirs = -1;
  if (setsid() < 0 || openpty(&ours, &theirs, nullptr, nullptr, nullptr) != 0) throw std::runtime_error("openpty");
  become_stderr(theirs);
  return os::Fd(ours);
}

// Lets the process, which has stopped itself to be traced, go on to its end. Whenever it asks whether the pipe has room there
// is some, and at every other call there is none.
std::string end_with_full_pipe(pid_t process, int reader, int writer) {
  int status = 0;
  waitpid(process, &status, 0);
  ptrace(PTRACE_SETOPTIONS, process, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  while (ptrace(PTRACE_SYSCALL, process, nullptr, nullptr) == 0 && waitpid(process, &status, 0) == process) {
    if (WIFEXITED(status)) return "code " + std::to_string(WEXITSTATUS(status));
    __ptrace_syscall_info info{};
    ptrace(PTRACE_GET_SYSCALL_INFO, process, sizeof(info), &info);
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) continue;
    if (info.entry.nr == SYS_ppoll) {
      fcntl(reader, F_SETFL, O_NONBLOCK);
      drain(reader);
    } else {
      while (write(writer, "x", 1) == 1) {
      }
    }
  }
  return "lost";
}

}  // namespace

TEST_CASE("a line goes to standard error as it is") {
  in_each_way(
      [] {
        const os::Fd reader = pipe_as_stderr(2 * kPipeSize);
        os::LineWriter out(2);
        return in_order({put(out, kLine), put(out, "another\n"), drain(reader.get())});
      },
      "yes yes a line\nanother\n");
}

TEST_CASE("a full pipe takes no line and keeps nobody waiting, and the next line goes out when there is room") {
  in_each_way(
      [] {
        const os::Fd reader = pipe_as_stderr();
        os::LineWriter out(2);
        const std::string full(kPipeSize, 'x');
        if (write(2, full.data(), full.size()) != kPipeSize) return std::string("write");
        std::string text = put(out, kLine) + put(out, kLine);
        text += drain(reader.get()) == full ? "untouched " : "touched ";
        return in_order({text, put(out, kLine), drain(reader.get())});
      },
      "no no untouched yes a line\n");
}

TEST_CASE("who shares standard error finds it as it was, blocking") {
  in_each_way(
      [] {
        const os::Fd reader = pipe_as_stderr();
        os::LineWriter out(2);
        put(out, kLine);
        return mode_of_shared();
      },
      "blocking");
}

TEST_CASE("no line waits in a pipe that others fill at the moment of the call") {
  for (const bool is_old_kernel : {false, true}) {
    CAPTURE(is_old_kernel);
    const auto body = [is_old_kernel] {
      const os::Fd reader = pipe_as_stderr();
      const os::Fd other(open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC));
      const pid_t writer = fork_process([&] {
        enter_mount_namespace();
        hide_proc();
        if (is_old_kernel) refuse_call(SYS_pwritev2, EOPNOTSUPP);
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        os::LineWriter out(2);
        const bool is_taken = out.write_line(kLine.data(), kLine.size());
        _exit(is_taken || out.error() != EAGAIN ? 1 : 0);
      });
      return end_with_full_pipe(writer, reader.get(), other.get());
    };
    CHECK(in_child(body) == "code 0");
  }
}

TEST_CASE("where every way might wait nothing is written, and the reason is told") {
  const auto body = [] {
    const os::Fd reader = pipe_as_stderr();
    os::LineWriter out(2);
    return put(out, kLine) + (out.error() == EOPNOTSUPP ? "not supported" : "another reason");
  };
  CHECK(without_proc(body, {SYS_pwritev2, SYS_splice}) == "no not supported");
}

TEST_CASE("a terminal that cannot be opened by its descriptor is the session's, which waits for nobody") {
  const auto body = [] {
    os::block_signals();  // the hang-up at the end
    const os::Fd terminal = terminal_as_stderr();
    ioctl(2, TIOCSCTTY, 0);
    os::LineWriter out(2);
    std::string text = in_order({put(out, kLine), drain(terminal.get())});
    ioctl(2, TCXONC, TCOOFF);  // Ctrl-S
    text += put(out, kLine) + (out.error() == EAGAIN ? "full " : "another reason ") + mode_of_shared() + " ";
    ioctl(2, TCXONC, TCOON);
    return text + in_order({put(out, kLine), drain(terminal.get())});
  };
  CHECK(without_proc(body) == "yes a line\r\nno full blocking yes a line\r\n");
}

TEST_CASE("a terminal that cannot be opened at all is told so before, and then not written to") {
  const auto body = [] {
    const os::Fd terminal = terminal_as_stderr();
    os::LineWriter out(2);
    out.tell_if_lost("all is lost\n");
    const std::string text = put(out, kLine) + (out.error() == EOPNOTSUPP ? "not supported " : "another reason ");
    return text + drain(terminal.get());
  };
  CHECK(without_proc(body) == "no not supported all is lost\r\n");
}

TEST_CASE("a reader that has gone away is no reader, and no reason to die") {
  in_each_way(
      [] {
        os::block_signals();
        os::Fd reader = pipe_as_stderr();
        os::LineWriter out(2);
        reader.reset();
        return put(out, kLine) + put(out, kLine);
      },
      "no no ");
}

TEST_CASE("a reader that went away before the start is no reason to die either") {
  in_each_way(
      [] {
        os::block_signals();
        pipe_as_stderr();
        os::LineWriter out(2);
        return put(out, kLine);
      },
      "no ");
}

TEST_CASE("of a line that is longer than the room for it the rest is kept, and goes out before anything else") {
  in_each_way(
      [] {
        const os::Fd reader = pipe_as_stderr();
        os::LineWriter out(2);
        const std::string endless = std::string(3 * PIPE_BUF + 500, 'x') + "\n";
        std::string text = put(out, endless) + put(out, kLine);
        std::string all;
        for (int i = 0; i < 3; ++i) {
          all += drain(reader.get());
          text += out.flush() ? "done " : "rest ";
        }
        all += drain(reader.get());
        text += put(out, kLine);
        all += drain(reader.get());
        return text + (all == endless + kLine ? "whole" : "torn");
      },
      "yes no rest rest done yes whole");
}

TEST_CASE("a line that is refused is refused as a whole, however long it is") {
  const auto body = [] {
    const os::Fd reader = pipe_as_stderr();
    os::LineWriter out(2);
    const std::string full(kPipeSize, 'x');
    if (write(2, full.data(), full.size()) != kPipeSize) return std::string("write");
    std::string text = put(out, std::string(3 * PIPE_BUF, 'y') + "\n");
    text += std::to_string(out.error() == EAGAIN) + std::to_string(out.has_rest());
    return text + (drain(reader.get()) == full ? " untouched" : " touched");
  };
  CHECK(in_child(body) == "no 10 untouched");
}

TEST_CASE("the rest of a line is given up when its reader has gone away") {
  in_each_way(
      [] {
        os::block_signals();
        os::Fd reader = pipe_as_stderr();
        os::LineWriter out(2);
        std::string text = put(out, std::string(3 * PIPE_BUF, 'x') + "\n");
        reader.reset();
        text += put(out, kLine);
        return text + (out.error() == EPIPE ? "nobody " : "somebody ") + (out.has_rest() ? "rest" : "no rest");
      },
      "yes no nobody no rest");
}

TEST_CASE("room is reported through a descriptor, except where there is always room") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  const auto body = [&] {
    std::string text;
    {
      const os::Fd reader = pipe_as_stderr();
      const os::LineWriter pipe(2);
      text += pipe.poll_fd() > 2 ? "own " : "none ";
    }
    {
      const os::Fd reader = socket_as_stderr(SOCK_STREAM);
      const os::LineWriter socket(2);
      text += poll_fd_of(socket);
    }
    become_stderr(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const os::LineWriter file(2);
    return text + poll_fd_of(file);
  };
  CHECK(in_child(body) == "own 2 -1 ");
}

TEST_CASE("a line on descriptor 1 goes to standard output, and both may be the same file") {
  const auto body = [] {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0 || dup2(ends[1], 1) != 1) return std::string("pipe2");
    const os::Fd err = pipe_as_stderr();
    os::LineWriter out(1);
    std::string text = in_order({put(out, kLine), drain(ends[0]), os::is_same_file(1, 2) ? "same " : "different "});
    if (dup2(1, 2) != 2) return std::string("dup2");
    return text + (os::is_same_file(1, 2) ? "same" : "different");
  };
  CHECK(in_child(body) == "yes a line\ndifferent same");
}

TEST_CASE("a line that fits exactly is not cut") {
  const auto body = [] {
    const os::Fd reader = pipe_as_stderr();
    os::LineWriter out(2);
    const std::string line = std::string(PIPE_BUF - 1, 'x') + "\n";
    put(out, line);
    return std::string(drain(reader.get()) == line ? "whole" : "cut");
  };
  CHECK(in_child(body) == "whole");
}

TEST_CASE("a file is appended to by everybody who shares it, and takes lines of any length") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  const std::string endless = std::string(3 * PIPE_BUF, 'x') + "\n";
  const auto body = [&] {
    become_stderr(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const os::Fd service(dup(2));
    os::LineWriter out(2);
    if (write(service.get(), "service\n", 8) != 8) return std::string("write");
    std::string text = in_order({put(out, kLine), put(out, endless)});
    if (write(service.get(), "service\n", 8) != 8) return std::string("write");
    return text;
  };
  CHECK(in_child(body) == "yes yes ");
  CHECK(read_file(path) == "service\na line\n" + endless + "service\n");
}

TEST_CASE("a socket that is full takes no line and keeps nobody waiting") {
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
    CAPTURE(type);
    const auto body = [type] {
      os::block_signals();
      os::Fd reader = socket_as_stderr(type);
      os::LineWriter out(2);
      std::string text = in_order({put(out, kLine), drain(reader.get())});
      const std::string filling(1000, 'x');
      while (send(2, filling.data(), filling.size(), MSG_DONTWAIT) > 0) {
      }
      text += put(out, std::string(2000, 'y') + "\n") + mode_of_shared() + " ";
      reader.reset();
      return text + put(out, kLine);
    };
    CHECK(in_child(body) == "yes a line\nno blocking no ");
  }
}

TEST_CASE("a line of any length goes through a socket") {
  const auto body = [] {
    const os::Fd reader = socket_as_stderr(SOCK_STREAM);
    os::LineWriter out(2);
    const std::string endless = std::string(2 * PIPE_BUF, 'x') + "\n";
    put(out, endless);
    return std::string(drain(reader.get()) == endless ? "whole" : "cut");
  };
  CHECK(in_child(body) == "whole");
}

TEST_CASE("a closed standard error takes nothing, and /dev/null everything") {
  in_each_way(
      [] {
        close(2);
        os::LineWriter out(2);
        return put(out, kLine);
      },
      "no ");
  in_each_way(
      [] {
        become_stderr(open("/dev/null", O_WRONLY | O_CLOEXEC));
        os::LineWriter out(2);
        return put(out, kLine);
      },
      "yes ");
}

TEST_CASE("the way to standard error is closed in what is started, and gone with the object") {
  const auto body = [] {
    const os::Fd reader = pipe_as_stderr();
    const std::size_t before = names_in("/proc/self/fd").size();
    std::size_t during = 0;
    int flags = 0;
    {
      const os::LineWriter out(2);
      during = names_in("/proc/self/fd").size();
      flags = fcntl(reader.get() + 1, F_GETFD);  // the lowest that was free
    }
    const std::size_t after = names_in("/proc/self/fd").size();
    return std::to_string(during - before) + std::to_string(after - before) +
           (flags == FD_CLOEXEC ? " closed" : " open");
  };
  CHECK(in_child(body) == "10 closed");
}
