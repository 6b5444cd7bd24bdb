#include "os/signals.hpp"

#include <errno.h>
#include <string.h>

#include <cstddef>

#include "os/clock.hpp"

namespace cinit::os {
namespace {

// Finds "SigIgn:" in what proc(5) says of /proc/self/status.
bool parse_ignored(const char* text, const char* end, SignalSet& ignored) {
  constexpr char kKey[] = "SigIgn:\t";
  constexpr std::ptrdiff_t kKeySize = sizeof(kKey) - 1;
  const char* line = text;
  while (end - line > kKeySize + 16) {
    if (memcmp(line, kKey, kKeySize) != 0) {
      const void* const newline = memchr(line, '\n', static_cast<std::size_t>(end - line));
      if (newline == nullptr) return false;
      line = static_cast<const char*>(newline) + 1;
      continue;
    }
    ignored.bits = 0;
    for (int i = 0; i < 16; ++i) {
      const char digit = line[kKeySize + i];
      ignored.bits = ignored.bits * 16 + static_cast<std::uint64_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    return true;
  }
  return false;
}

// Three calls instead of one for each signal.
bool read_ignored(SignalSet& ignored) {
  const long fd = sys::open(AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[4096];
  const long size = sys::read(static_cast<int>(fd), text, sizeof(text));
  sys::close(static_cast<int>(fd));
  return size > 0 && parse_ignored(text, text + size, ignored);
}

siginfo_t caught;

void note(int, siginfo_t* info, void*) { caught = *info; }

// Returns those of `signals` that have the handler now: neither KILL and STOP, nor those that libc keeps for itself.
SignalSet set_handlers(const SignalSet& signals) {
  struct sigaction action {};
  action.sa_sigaction = note;
  action.sa_flags = SA_SIGINFO;
  sigfillset(&action.sa_mask);
  SignalSet handled;
  for (int signal = 1; signal <= 64; ++signal) {
    if (signals.has(signal) && ::sigaction(signal, &action, nullptr) == 0) handled = handled | SignalSet::of(signal);
  }
  return handled;
}

// Where rt_sigtimedwait(2) is refused: the signals can reach a handler while ppoll(2) waits, and at no other time. One of
// them does in each call, because the mask from before is back as soon as the handler has returned.
int wait_in_poll(siginfo_t& info, const SignalSet& signals, const timespec* timeout) {
  const SignalSet blocked = kHandledSignals.without(set_handlers(signals));
  caught.si_signo = 0;
  sys::call(SYS_ppoll, 0, 0, sys::word(timeout), sys::word(&blocked), sizeof(blocked));
  info = caught;
  return caught.si_signo;
}

int wait(siginfo_t& info, const SignalSet& signals, const timespec* timeout) {
  const long signal = sys::sigtimedwait(signals, &info, timeout);
  if (signal > 0) return static_cast<int>(signal);
  return signal == -EAGAIN || signal == -EINTR ? 0 : wait_in_poll(info, signals, timeout);
}

}  // namespace

SignalSet block_signals(const SignalSet& signals) {
  SignalSet before;
  sys::sigprocmask(SIG_SETMASK, &signals, &before);
  return before;
}

void reset_ignored_signals(const SignalSet& signals) {
  SignalSet ignored = SignalSet::all();  // without /proc every signal is reset
  read_ignored(ignored);
  for (int signal = 1; signal <= 64; ++signal) {
    if (signals.has(signal) && ignored.has(signal) && signal != SIGKILL && signal != SIGSTOP) reset_signal(signal);
  }
}

void reset_signal(int signal) {
  const sys::KernelSigaction standard;
  sys::sigaction(signal, &standard, nullptr);
}

// The kernel raises such a signal for the thread that writes, and gives the thread's own signals out before those of the
// process. Should ours be missing (EFBIG of a file system's greatest file raises none), somebody else's goes back.
long sys::without_signal(long result) {
  const int signal = result == -EPIPE ? SIGPIPE : result == -EFBIG ? SIGXFSZ : 0;
  siginfo_t info;
  if (signal == 0 || take_signal(info, SignalSet::of(signal)) == 0 || info.si_pid == sys::getpid()) return result;
  sys::call(SYS_rt_sigqueueinfo, sys::getpid(), signal, sys::word(&info));
  return result;
}

int wait_for_signal(siginfo_t& info, Time deadline, const SignalSet& signals) {
  const timespec timeout = to_timespec(deadline == kNever ? Duration::zero() : deadline - now());
  return wait(info, signals, deadline == kNever ? nullptr : &timeout);
}

int take_signal(siginfo_t& info, const SignalSet& signals) {
  const timespec at_once{};
  return wait(info, signals, &at_once);
}

}  // namespace cinit::os
