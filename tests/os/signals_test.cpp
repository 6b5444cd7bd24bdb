#include "os/signals.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "forked.hpp"
#include "os/clock.hpp"
#include "os/fd.hpp"
#include "os/wait.hpp"

using namespace cinit::test;
namespace os = cinit::os;
using namespace std::chrono_literals;

namespace {

constexpr auto nothing = [](int) {};

// The disposition of a signal as the kernel has it: "default", "ignored" or "handled".
std::string disposition(int signal) {
  os::sys::KernelSigaction action;
  os::sys::sigaction(signal, nullptr, &action);
  if (action.handler == SIG_DFL) return "default";
  return action.handler == SIG_IGN ? "ignored" : "handled";
}

std::string take() {
  siginfo_t info{};
  return std::to_string(os::take_signal(info));
}

// Once with rt_sigtimedwait(2), and where it is refused.
void in_each_way(const Body& body, const std::string& expected) {
  CHECK(in_child(body) == expected);
  for (const int error : {ENOSYS, EPERM}) {
    CAPTURE(error);
    CHECK(in_child([&] {
            refuse_call(SYS_rt_sigtimedwait, error);
            return body();
          }) == expected);
  }
}

}  // namespace

TEST_CASE("every signal is blocked but those that are about the receiver itself") {
  const auto body = [] {
    sigset_t own;
    sigemptyset(&own);
    sigaddset(&own, SIGUSR2);
    sigprocmask(SIG_SETMASK, &own, nullptr);
    const os::SignalSet before = os::block_signals();
    return own_status("SigBlk") +
           (before.bits == os::SignalSet::of(SIGUSR2).bits ? " before: SIGUSR2" : " before: others");
  };
  // ILL 4, TRAP 5, ABRT 6, BUS 7, FPE 8, SEGV 11 and SYS 31 stay open; KILL 9 and STOP 19 cannot be blocked.
  CHECK(in_child(body) == "ffffffffbffbfa07 before: SIGUSR2");
}

TEST_CASE("signals that were inherited as ignored get their default back, and handlers stay") {
  const auto body = [] {
    for (const int signal : {SIGHUP, SIGCHLD, SIGPIPE, SIGTTOU, 64}) ::signal(signal, SIG_IGN);
    ::signal(SIGUSR1, nothing);
    os::reset_ignored_signals();
    return own_status("SigIgn") + " " + disposition(SIGUSR1) + " " + disposition(64);
  };
  CHECK(in_child(body) == "0000000000000000 handled default");
}

TEST_CASE("a child can be waited for although SIGCHLD was ignored at the start") {
  const auto body = [] {
    ::signal(SIGCHLD, SIG_IGN);
    os::reset_ignored_signals();
    return end_of(fork_process([] { _exit(5); }));
  };
  CHECK(in_child(body) == "code 5");
}

TEST_CASE("without /proc every signal gets its default back") {
  const auto body = [] {
    enter_mount_namespace();
    hide_proc();
    for (const int signal : {SIGHUP, SIGCHLD, SIGPIPE, 64}) ::signal(signal, SIG_IGN);
    os::reset_ignored_signals();
    std::string others;
    for (int signal = 1; signal <= 64; ++signal) {
      if (disposition(signal) != "default") others += std::to_string(signal) + " ";
    }
    return others;
  };
  CHECK(in_child(body) == "");
}

TEST_CASE("a signal that is ignored is kept all the same once it is blocked") {
  const auto body = [] {
    os::block_signals();
    ::signal(SIGUSR1, SIG_IGN);
    ::signal(SIGCHLD, SIG_DFL);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGWINCH);
    return in_order({take(), " ", take(), " ", take()});
  };
  in_each_way(body, "10 28 0");
}

TEST_CASE("waiting ends with the signal, and tells who sent it") {
  const auto body = [] {
    os::block_signals();
    const pid_t waiting = getpid();
    const pid_t sender = fork_process([waiting] { kill(waiting, SIGUSR2); });
    siginfo_t info{};
    int signal = 0;
    // SIGCHLD comes as well.
    while (signal != SIGUSR2) signal = os::wait_for_signal(info, cinit::kNever);
    return std::to_string(signal) + (info.si_pid == sender ? " from the sender" : " from somebody");
  };
  in_each_way(body, "12 from the sender");
}

TEST_CASE("waiting without a signal ends at the deadline, never before it") {
  const auto body = [] {
    os::block_signals();
    siginfo_t info{};
    std::string text;
    for (const cinit::Duration span : {cinit::Duration(1ms), cinit::Duration(20ms), cinit::Duration(1500us)}) {
      const cinit::Time deadline = os::now() + span;
      text += std::to_string(os::wait_for_signal(info, deadline));
      text += os::now() < deadline ? " early; " : " in time; ";
    }
    return text;
  };
  in_each_way(body, "0 in time; 0 in time; 0 in time; ");
}

TEST_CASE("a deadline that is over still fetches a signal that is pending, and does not wait") {
  const auto body = [] {
    os::block_signals();
    kill(getpid(), SIGTERM);
    siginfo_t info{};
    const int first = os::wait_for_signal(info, os::now() - 1h);
    return std::to_string(first) + " " + std::to_string(os::wait_for_signal(info, cinit::Time{}));
  };
  in_each_way(body, "15 0");
}

TEST_CASE("real-time signals queue, and are fetched after the standard ones") {
  const auto body = [] {
    os::block_signals();
    const sigval value{};
    sigqueue(getpid(), 37, value);
    sigqueue(getpid(), 37, value);
    kill(getpid(), SIGTERM);
    kill(getpid(), SIGTERM);
    return in_order({take(), " ", take(), " ", take(), " ", take()});
  };
  in_each_way(body, "15 37 37 0");
}

TEST_CASE("a signal that our own write raises is not pending afterwards") {
  const auto body = [] {
    os::block_signals();
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return std::string("pipe2");
    close(ends[0]);
    const rlimit limit{1, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &limit);
    const os::Fd file(memfd_create("file", MFD_CLOEXEC));
    std::string text;
    text += os::sys::write(ends[1], "x", 1) == -EPIPE ? "no reader " : "written ";
    text += os::sys::write(file.get(), "x", 1) == 1 ? "written " : "too large ";
    text += os::sys::write(file.get(), "x", 1) == -EFBIG ? "too large " : "written ";
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &unlimited);
    return text + own_status("SigPnd") + " " + own_status("ShdPnd");
  };
  in_each_way(body, "no reader written too large 0000000000000000 0000000000000000");
}

TEST_CASE("what somebody has sent stays pending when our own write raises the same signal, or fails without one") {
  const auto body = [] {
    os::block_signals();
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return std::string("pipe2");
    close(ends[0]);
    const pid_t self = getpid();
    const pid_t sender = fork_process([self] {
      kill(self, SIGPIPE);
      kill(self, SIGXFSZ);
    });
    end_of(sender);
    std::string text;
    text += os::sys::write(ends[1], "x", 1) == -EPIPE ? "no reader" : "written";
    text += os::sys::without_signal(-EFBIG) == -EFBIG ? " too large" : " written";
    for (const int signal : {SIGPIPE, SIGXFSZ}) {
      siginfo_t info{};
      text += " " + std::to_string(os::take_signal(info, os::SignalSet::of(signal)));
      text += info.si_pid == sender ? " of the sender" : " of another";
    }
    return text;
  };
  in_each_way(body, "no reader too large 13 of the sender 25 of the sender");
}
