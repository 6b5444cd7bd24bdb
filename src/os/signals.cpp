#include "os/signals.hpp"

#include <errno.h>

#include "os/clock.hpp"

namespace cinit::os {
namespace {

// Finds "SigIgn:" in what proc(5) says of /proc/self/status.
bool parse_ignored(const char* text, const char* end, SignalSet& ignored) {
  constexpr char kKey[] = "\nSigIgn:\t";
  constexpr long kKeySize = sizeof(kKey) - 1;
  for (const char* at = text; end - at > kKeySize + 16; ++at) {
    int matched = 0;
    while (matched < kKeySize && at[matched] == kKey[matched]) ++matched;
    if (matched < kKeySize) continue;
    ignored.bits = 0;
    for (int i = 0; i < 16; ++i) {
      const char digit = at[kKeySize + i];
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
  const long signal = sys::sigtimedwait(signals, &info, deadline == kNever ? nullptr : &timeout);
  return signal > 0 ? static_cast<int>(signal) : 0;
}

int take_signal(siginfo_t& info, const SignalSet& signals) {
  const timespec at_once{};
  const long signal = sys::sigtimedwait(signals, &info, &at_once);
  return signal > 0 ? static_cast<int>(signal) : 0;
}

}  // namespace cinit::os
