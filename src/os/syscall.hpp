// System calls without libc: no errno, no locks, no hidden calls, and nothing to initialise.
//
// The one-command loop and whatever runs between clone(2) and exec(2) are written on these, so that they neither depend on
// what a libc does around a call nor on thread-local storage, which a child that shares our memory must not touch.
// Every call returns what the kernel returns: a value, or the negative of an errno(3) constant.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>

#include <cstddef>
#include <cstdint>

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <errno.h>
#include <unistd.h>
#endif

namespace cinit::os::sys {

#if defined(__x86_64__)
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
  return x0;
}
#else
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  const long result = ::syscall(number, a, b, c, d, e, f);
  return result == -1 ? -errno : result;
}
#endif

template <class T>
long word(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

// A signal set as the kernel has it: bit N - 1 stands for signal N.
struct SignalSet {
  std::uint64_t bits = 0;

  static constexpr SignalSet all() { return {~std::uint64_t{0}}; }
  static constexpr SignalSet of(int signal) { return {std::uint64_t{1} << (signal - 1)}; }
  constexpr bool has(int signal) const { return (bits & of(signal).bits) != 0; }
  constexpr SignalSet operator|(SignalSet other) const { return {bits | other.bits}; }
  constexpr SignalSet without(SignalSet other) const { return {bits & ~other.bits}; }
};

// The kernel's struct sigaction: rt_sigaction(2), "C library/kernel differences".
struct KernelSigaction {
  void (*handler)(int) = SIG_DFL;
  unsigned long flags = 0;
  void (*restorer)() = nullptr;
  SignalSet mask;
};

// The version of capset(2) that has 64 bits: linux/capability.h.
inline constexpr std::uint32_t kCapabilityVersion = 0x20080522;

struct CapabilityHeader {
  std::uint32_t version = kCapabilityVersion;
  std::int32_t pid = 0;  // of who calls
};

// One half of the three sets of a process: capabilities 0 to 31, or 32 to 63.
struct CapabilityWord {
  std::uint32_t effective = 0;
  std::uint32_t permitted = 0;
  std::uint32_t inheritable = 0;
};

// fork(2) without what a libc does around it. The child's end is told by SIGCHLD.
inline long fork() { return call(SYS_clone, SIGCHLD); }
inline pid_t getpid() { return static_cast<pid_t>(call(SYS_getpid)); }
inline long kill(pid_t pid, int signal) { return call(SYS_kill, pid, signal); }
inline long setsid() { return call(SYS_setsid); }
inline long setpgid(pid_t pid, pid_t group) { return call(SYS_setpgid, pid, group); }
inline long prctl(int option, unsigned long a, unsigned long b = 0) {
  return call(SYS_prctl, option, static_cast<long>(a), static_cast<long>(b));
}
inline long sigprocmask(int how, const SignalSet* set, SignalSet* old) {
  return call(SYS_rt_sigprocmask, how, word(set), word(old), sizeof(SignalSet));
}
inline long sigaction(int signal, const KernelSigaction* action, KernelSigaction* old) {
  return call(SYS_rt_sigaction, signal, word(action), word(old), sizeof(SignalSet));
}
// A null timeout waits for ever.
inline long sigtimedwait(const SignalSet& set, siginfo_t* info, const timespec* timeout) {
  return call(SYS_rt_sigtimedwait, word(&set), word(info), word(timeout), sizeof(SignalSet));
}
inline long signalfd(const SignalSet& set) {
  return call(SYS_signalfd4, -1, word(&set), sizeof(SignalSet), O_CLOEXEC | O_NONBLOCK);
}
// waitid(2); `info` is zeroed first, so that si_pid is 0 when there was nothing.
inline long waitid(idtype_t type, id_t id, siginfo_t* info, int options) {
  *info = siginfo_t{};
  return call(SYS_waitid, static_cast<long>(type), static_cast<long>(id), word(info), options, 0);
}
inline long open(int directory, const char* path, int flags, mode_t mode = 0) {
  return call(SYS_openat, directory, word(path), flags, static_cast<long>(mode));
}
inline long close(int fd) { return call(SYS_close, fd); }
inline long read(int fd, void* buffer, std::size_t size) {
  return call(SYS_read, fd, word(buffer), static_cast<long>(size));
}
// The result of a call that writes. Where the kernel has raised SIGPIPE (EPIPE) or SIGXFSZ (EFBIG) for it, that signal, which
// is blocked, is not pending any more: what we cause ourselves is no event. One that somebody has sent stays pending.
long without_signal(long result);
inline long write(int fd, const void* data, std::size_t size) {
  const long written = call(SYS_write, fd, word(data), static_cast<long>(size));
  return written < 0 ? without_signal(written) : written;
}
// pipe2(2).
inline long pipe(int (&ends)[2], int flags) { return call(SYS_pipe2, word(&ends), flags); }
// fstatat(2). On 64-bit machines the kernel's structure is that of every libc.
#if defined(__x86_64__) || defined(__aarch64__)
inline long stat(int directory, const char* path, struct stat* status, int flags) {
  return call(SYS_newfstatat, directory, word(path), word(status), flags);
}
#else
inline long stat(int directory, const char* path, struct stat* status, int flags) {
  return ::fstatat(directory, path, status, flags) == 0 ? 0 : -errno;
}
#endif
inline long readlink(const char* path, char* buffer, std::size_t size) {
  return call(SYS_readlinkat, AT_FDCWD, word(path), word(buffer), static_cast<long>(size));
}
inline long faccess(int directory, const char* path, int mode) {
  return call(SYS_faccessat, directory, word(path), mode);
}
inline long faccess(const char* path, int mode) { return faccess(AT_FDCWD, path, mode); }
inline long getdents(int fd, void* buffer, std::size_t size) {
  return call(SYS_getdents64, fd, word(buffer), static_cast<long>(size));
}
inline long dup3(int from, int to, int flags) { return call(SYS_dup3, from, to, flags); }
inline long fcntl(int fd, int command, long argument = 0) { return call(SYS_fcntl, fd, command, argument); }
inline long ioctl(int fd, unsigned long request, void* argument) {
  return call(SYS_ioctl, fd, static_cast<long>(request), word(argument));
}
inline long chdir(const char* path) { return call(SYS_chdir, word(path)); }
inline long umask(mode_t mask) { return call(SYS_umask, static_cast<long>(mask)); }
inline long setgroups(std::size_t count, const gid_t* groups) {
  return call(SYS_setgroups, static_cast<long>(count), word(groups));
}
inline long setresgid(gid_t gid) { return call(SYS_setresgid, gid, gid, gid); }
inline long setresuid(uid_t uid) { return call(SYS_setresuid, uid, uid, uid); }
// Of this process. Limits are 64 bits wide here on every libc: prlimit(2).
inline long setrlimit(int resource, const rlimit64* limit) { return call(SYS_prlimit64, 0, resource, word(limit), 0); }
inline long getrlimit(int resource, rlimit64* limit) { return call(SYS_prlimit64, 0, resource, 0, word(limit)); }
inline long setpriority(int which, id_t who, int nice) {
  return call(SYS_setpriority, which, static_cast<long>(who), nice);
}
// Both halves, of who calls.
inline long capget(CapabilityWord (&words)[2]) {
  CapabilityHeader header;
  return call(SYS_capget, word(&header), word(words));
}
inline long capset(const CapabilityWord (&words)[2]) {
  CapabilityHeader header;
  return call(SYS_capset, word(&header), word(words));
}
inline long execve(const char* path, char* const* argv, char* const* envp) {
  return call(SYS_execve, word(path), word(argv), word(envp));
}
inline long ppoll(pollfd* fds, std::size_t count, const timespec* timeout) {
  return call(SYS_ppoll, word(fds), static_cast<long>(count), word(timeout), 0, sizeof(SignalSet));
}
inline long pidfd_open(pid_t pid) { return call(SYS_pidfd_open, pid, 0); }
inline long pidfd_send_signal(int pidfd, int signal) { return call(SYS_pidfd_send_signal, pidfd, signal, 0, 0); }
[[noreturn]] inline void exit(int code) {
  while (true) call(SYS_exit_group, code);
}

// Runs `function(argument)` in a child, on the stack that ends below `stack_top` (aligned to 16 bytes). `flags` are those of
// clone(2): none for a child with a copy of our memory, CLONE_VM for one that shares it, CLONE_VM | CLONE_VFORK to stand still
// until that child has called exec or exit. The child's end is told by SIGCHLD. `function` must not return. Returns the child's pid.
long clone_child(unsigned long flags, void (*function)(void*), void* argument, void* stack_top);

}  // namespace cinit::os::sys
