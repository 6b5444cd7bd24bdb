#include "calls.hpp"

#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace cinit::reliability {

namespace {

struct Call {
  const char* name;
  long number;
  std::vector<int> errors;
};

// What the man pages of section 2 name, without what only a wrong argument would give (EFAULT, EBADF, EINVAL). EPERM and
// ENOSYS are what a seccomp profile or an old kernel says; tests of old kernels have them for every newer call.
const std::vector<Call>& table() {
  static const std::vector<Call> calls{
      {"read", SYS_read, {EINTR, EAGAIN, EIO, ENOMEM}},
      {"readv", SYS_readv, {EINTR, EAGAIN, EIO}},
      {"pread64", SYS_pread64, {EINTR, EIO}},
      {"write", SYS_write, {EINTR, EAGAIN, EIO, ENOSPC, EPIPE, EDQUOT}},
      {"writev", SYS_writev, {EINTR, EAGAIN, EIO, ENOSPC, EPIPE}},
      {"pwritev2", SYS_pwritev2, {EINTR, EAGAIN, EOPNOTSUPP, ENOSYS, ENOSPC, EPIPE}},
      {"open", SYS_open, {EINTR, EACCES, EMFILE, ENFILE, ENOMEM, EIO}},
      {"openat", SYS_openat, {EINTR, EACCES, EMFILE, ENFILE, ENOMEM, EIO, ENOENT, EROFS, ENOSPC}},
      {"openat2", SYS_openat2, {EINTR, EACCES, EMFILE, ENFILE, ENOMEM, EIO, ENOENT, EAGAIN, ENOSYS, EPERM}},
      {"close", SYS_close, {EINTR, EIO}},
      {"close_range", SYS_close_range, {ENOMEM, ENOSYS, EPERM}},
      {"stat", SYS_stat, {EACCES, ENOMEM, ENOENT, EIO}},
      {"lstat", SYS_lstat, {EACCES, ENOMEM, ENOENT, EIO}},
      {"fstat", SYS_fstat, {ENOMEM, EIO}},
      {"newfstatat", SYS_newfstatat, {EACCES, ENOMEM, ENOENT, EIO}},
      {"statx", SYS_statx, {EACCES, ENOMEM, ENOENT, EIO, ENOSYS}},
      {"statfs", SYS_statfs, {EACCES, ENOMEM, EIO}},
      {"fstatfs", SYS_fstatfs, {EIO, ENOSYS}},
      {"access", SYS_access, {EACCES, ENOMEM, EIO}},
      {"faccessat", SYS_faccessat, {EACCES, ENOMEM, EIO}},
      {"faccessat2", SYS_faccessat2, {EACCES, ENOMEM, EIO, ENOSYS, EPERM}},
      {"readlink", SYS_readlink, {EACCES, ENOMEM, ENOENT, EIO}},
      {"readlinkat", SYS_readlinkat, {EACCES, ENOMEM, ENOENT, EIO}},
      {"getdents64", SYS_getdents64, {ENOMEM, EIO}},
      {"lseek", SYS_lseek, {}},
      {"poll", SYS_poll, {EINTR, ENOMEM}},
      {"ppoll", SYS_ppoll, {EINTR, ENOMEM}},
      {"mmap", SYS_mmap, {ENOMEM}},
      {"mremap", SYS_mremap, {ENOMEM}},
      {"mprotect", SYS_mprotect, {ENOMEM}},
      {"munmap", SYS_munmap, {ENOMEM}},
      {"madvise", SYS_madvise, {ENOMEM, EAGAIN}},
      {"brk", SYS_brk, {ENOMEM}},
      {"rt_sigaction", SYS_rt_sigaction, {}},
      {"rt_sigprocmask", SYS_rt_sigprocmask, {}},
      {"rt_sigtimedwait", SYS_rt_sigtimedwait, {EINTR, EAGAIN}},
      {"rt_sigpending", SYS_rt_sigpending, {}},
      {"sigaltstack", SYS_sigaltstack, {ENOMEM}},
      {"ioctl", SYS_ioctl, {EIO, ENOTTY, EPERM}},
      {"fcntl", SYS_fcntl, {EINTR, ENOLCK, EAGAIN, EMFILE, EPERM}},
      {"flock", SYS_flock, {EINTR, ENOLCK, EAGAIN, ENOSYS}},
      {"pipe", SYS_pipe, {EMFILE, ENFILE, ENOMEM}},
      {"pipe2", SYS_pipe2, {EMFILE, ENFILE, ENOMEM}},
      {"dup", SYS_dup, {EMFILE}},
      {"dup2", SYS_dup2, {EINTR, EMFILE}},
      {"dup3", SYS_dup3, {EINTR, EMFILE}},
      {"nanosleep", SYS_nanosleep, {EINTR}},
      {"clock_nanosleep", SYS_clock_nanosleep, {EINTR}},
      {"clock_gettime", SYS_clock_gettime, {}},
      {"gettimeofday", SYS_gettimeofday, {}},
      {"getpid", SYS_getpid, {}},
      {"gettid", SYS_gettid, {}},
      {"getppid", SYS_getppid, {}},
      {"getpgrp", SYS_getpgrp, {}},
      {"getpgid", SYS_getpgid, {ESRCH}},
      {"getsid", SYS_getsid, {ESRCH}},
      {"setsid", SYS_setsid, {EPERM}},
      {"setpgid", SYS_setpgid, {EACCES, EPERM, ESRCH}},
      {"getuid", SYS_getuid, {}},
      {"geteuid", SYS_geteuid, {}},
      {"getgid", SYS_getgid, {}},
      {"getegid", SYS_getegid, {}},
      {"getresuid", SYS_getresuid, {}},
      {"getgroups", SYS_getgroups, {}},
      {"setfsuid", SYS_setfsuid, {}},
      {"setfsgid", SYS_setfsgid, {}},
      {"setresuid", SYS_setresuid, {EAGAIN, EPERM}},
      {"setresgid", SYS_setresgid, {EPERM}},
      {"setgroups", SYS_setgroups, {ENOMEM, EPERM}},
      {"capget", SYS_capget, {EPERM}},
      {"capset", SYS_capset, {EPERM}},
      {"socket", SYS_socket, {EMFILE, ENFILE, ENOMEM, ENOBUFS, EAFNOSUPPORT, EACCES, EPERM}},
      {"socketpair", SYS_socketpair, {EMFILE, ENFILE, ENOMEM, EAFNOSUPPORT}},
      {"bind", SYS_bind, {EADDRINUSE, EACCES, ENOMEM, EROFS, ENOSPC}},
      {"listen", SYS_listen, {EADDRINUSE}},
      {"connect", SYS_connect, {EINTR, EAGAIN, ECONNREFUSED, ENETUNREACH, ETIMEDOUT, EACCES, EPERM}},
      {"accept", SYS_accept, {EINTR, EAGAIN, ECONNABORTED, EMFILE, ENFILE, ENOMEM, EPERM}},
      {"accept4", SYS_accept4, {EINTR, EAGAIN, ECONNABORTED, EMFILE, ENFILE, ENOMEM, EPERM}},
      {"shutdown", SYS_shutdown, {ENOTCONN}},
      {"getsockopt", SYS_getsockopt, {ENOPROTOOPT, ENOBUFS}},
      {"setsockopt", SYS_setsockopt, {ENOPROTOOPT, ENOBUFS, ENOMEM, EPERM}},
      {"getsockname", SYS_getsockname, {ENOBUFS}},
      {"getpeername", SYS_getpeername, {ENOTCONN, ENOBUFS}},
      {"sendto", SYS_sendto, {EINTR, EAGAIN, EPIPE, ENOBUFS, ENOMEM, ECONNRESET}},
      {"sendmsg", SYS_sendmsg, {EINTR, EAGAIN, EPIPE, ENOBUFS, ENOMEM, ETOOMANYREFS}},
      {"recvfrom", SYS_recvfrom, {EINTR, EAGAIN, ECONNRESET, ENOMEM}},
      {"recvmsg", SYS_recvmsg, {EINTR, EAGAIN, ENOMEM}},
      {"epoll_create1", SYS_epoll_create1, {EMFILE, ENFILE, ENOMEM}},
      {"epoll_ctl", SYS_epoll_ctl, {ENOMEM, ENOSPC, EPERM}},
      {"epoll_wait", SYS_epoll_wait, {EINTR}},
      {"epoll_pwait", SYS_epoll_pwait, {EINTR}},
      {"epoll_pwait2", SYS_epoll_pwait2, {EINTR, ENOSYS, EPERM}},
      {"signalfd4", SYS_signalfd4, {EMFILE, ENFILE, ENOMEM, ENOSYS}},
      {"eventfd2", SYS_eventfd2, {EMFILE, ENFILE, ENOMEM}},
      {"timerfd_create", SYS_timerfd_create, {EMFILE, ENFILE, ENOMEM}},
      {"timerfd_settime", SYS_timerfd_settime, {ECANCELED}},
      {"inotify_init1", SYS_inotify_init1, {EMFILE, ENFILE, ENOMEM}},
      {"inotify_add_watch", SYS_inotify_add_watch, {ENOSPC, ENOMEM, EACCES, ENOENT}},
      {"inotify_rm_watch", SYS_inotify_rm_watch, {}},
      {"clone", SYS_clone, {EAGAIN, ENOMEM, ENOSPC, EPERM}},
      {"clone3", SYS_clone3, {EAGAIN, ENOMEM, ENOSPC, ENOSYS, EPERM}},
      {"fork", SYS_fork, {EAGAIN, ENOMEM}},
      {"vfork", SYS_vfork, {EAGAIN, ENOMEM}},
      {"wait4", SYS_wait4, {EINTR, ECHILD}},
      {"waitid", SYS_waitid, {EINTR, ECHILD}},
      {"kill", SYS_kill, {EPERM, ESRCH}},
      {"tgkill", SYS_tgkill, {EPERM, ESRCH}},
      {"pidfd_open", SYS_pidfd_open, {EMFILE, ENFILE, ENOMEM, ESRCH, ENOSYS, EPERM}},
      {"pidfd_send_signal", SYS_pidfd_send_signal, {EPERM, ESRCH, ENOSYS}},
      {"pidfd_getfd", SYS_pidfd_getfd, {EMFILE, EPERM, ESRCH, ENOSYS}},
      {"exit", SYS_exit, {}},
      {"exit_group", SYS_exit_group, {}},
      {"execve", SYS_execve, {ENOMEM, EACCES, E2BIG, ETXTBSY}},
      {"chdir", SYS_chdir, {EACCES, ENOMEM, EIO}},
      {"fchdir", SYS_fchdir, {EACCES, EIO}},
      {"umask", SYS_umask, {}},
      {"mkdir", SYS_mkdir, {EACCES, ENOSPC, EROFS, ENOMEM, EDQUOT}},
      {"mkdirat", SYS_mkdirat, {EACCES, ENOSPC, EROFS, ENOMEM, EDQUOT}},
      {"rmdir", SYS_rmdir, {EACCES, EROFS, EBUSY}},
      {"mknod", SYS_mknod, {EACCES, ENOSPC, EROFS, EPERM}},
      {"mknodat", SYS_mknodat, {EACCES, ENOSPC, EROFS, EPERM}},
      {"unlink", SYS_unlink, {EACCES, EROFS, EIO, EPERM}},
      {"unlinkat", SYS_unlinkat, {EACCES, EROFS, EIO, EPERM}},
      {"rename", SYS_rename, {EACCES, ENOSPC, EROFS, EXDEV, EIO}},
      {"renameat", SYS_renameat, {EACCES, ENOSPC, EROFS, EXDEV, EIO}},
      {"renameat2", SYS_renameat2, {EACCES, ENOSPC, EROFS, EXDEV, EIO, ENOSYS}},
      {"link", SYS_link, {EACCES, ENOSPC, EROFS, EPERM}},
      {"linkat", SYS_linkat, {EACCES, ENOSPC, EROFS, EPERM}},
      {"symlink", SYS_symlink, {EACCES, ENOSPC, EROFS}},
      {"symlinkat", SYS_symlinkat, {EACCES, ENOSPC, EROFS}},
      {"chmod", SYS_chmod, {EPERM, EROFS, EIO}},
      {"fchmod", SYS_fchmod, {EPERM, EROFS, EIO}},
      {"fchmodat", SYS_fchmodat, {EPERM, EROFS, EIO}},
      {"chown", SYS_chown, {EPERM, EROFS, EIO}},
      {"fchown", SYS_fchown, {EPERM, EROFS, EIO}},
      {"fchownat", SYS_fchownat, {EPERM, EROFS, EIO}},
      {"lchown", SYS_lchown, {EPERM, EROFS, EIO}},
      {"ftruncate", SYS_ftruncate, {EPERM, EROFS, EIO}},
      {"utimensat", SYS_utimensat, {EPERM, EROFS}},
      {"fsync", SYS_fsync, {EIO, ENOSPC}},
      {"uname", SYS_uname, {}},
      {"sysinfo", SYS_sysinfo, {}},
      {"getrandom", SYS_getrandom, {EINTR, EAGAIN, ENOSYS}},
      {"getrlimit", SYS_getrlimit, {}},
      {"setrlimit", SYS_setrlimit, {EPERM}},
      {"prlimit64", SYS_prlimit64, {EPERM}},
      {"getpriority", SYS_getpriority, {}},
      {"setpriority", SYS_setpriority, {EACCES, EPERM}},
      {"sched_getaffinity", SYS_sched_getaffinity, {}},
      {"sched_yield", SYS_sched_yield, {}},
      {"prctl", SYS_prctl, {EPERM, EINVAL}},
      {"arch_prctl", SYS_arch_prctl, {}},
      {"set_tid_address", SYS_set_tid_address, {}},
      {"set_robust_list", SYS_set_robust_list, {ENOSYS}},
      {"rseq", SYS_rseq, {ENOSYS}},
      {"membarrier", SYS_membarrier, {ENOSYS}},
      {"futex", SYS_futex, {EAGAIN, EINTR}},
      {"restart_syscall", SYS_restart_syscall, {}},
      {"memfd_create", SYS_memfd_create, {EMFILE, ENFILE, ENOMEM, ENOSYS}},
      {"splice", SYS_splice, {EAGAIN, ENOMEM}},
      {"vmsplice", SYS_vmsplice, {EAGAIN, ENOMEM}},
      {"tee", SYS_tee, {EAGAIN, ENOMEM}},
      {"execveat", SYS_execveat, {ENOMEM, ENOSYS}},
      {"preadv2", SYS_preadv2, {EAGAIN, ENOSYS}},
      {"copy_file_range", SYS_copy_file_range, {ENOSYS}},
      {"userfaultfd", SYS_userfaultfd, {ENOSYS}},
  };
  return calls;
}

const Call* find(const std::string& name) {
  for (const Call& call : table()) {
    if (name == call.name) return &call;
  }
  return nullptr;
}

}  // namespace

std::string name_of_call(long number) {
  for (const Call& call : table()) {
    if (call.number == number) return call.name;
  }
  return "call_" + std::to_string(number);
}

const std::vector<int>& plausible_errors(const std::string& name) {
  static const std::vector<int> none;
  const Call* const call = find(name);
  return call == nullptr ? none : call->errors;
}

bool is_known_call(const std::string& name) { return find(name) != nullptr; }

bool is_one_of(int error, std::initializer_list<int> errors) {
  return std::find(errors.begin(), errors.end(), error) != errors.end();
}

// By the command, with whose number the subject begins: see Tracer.
bool is_plausible_for_fcntl(int command, int error) {
  switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC: return error == EMFILE;
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: return is_one_of(error, {EINTR, EAGAIN, ENOLCK});
    case F_SETPIPE_SZ: return error == EPERM;
    default: return false;
  }
}

bool is_plausible(const std::string& name, const std::string& subject, int error) {
  const bool file = subject.starts_with('/');
  if (name == "fcntl") return is_plausible_for_fcntl(std::atoi(subject.c_str()), error);
  if (name == "read" || name == "readv") return file ? error != EAGAIN : is_one_of(error, {EINTR, EAGAIN});
  if (name == "write" || name == "writev") {
    if (file) return !is_one_of(error, {EAGAIN, EPIPE});
    return is_one_of(error, {EINTR, EAGAIN, EPIPE});
  }
  if (name == "fstat") return file;
  return true;
}

bool has_effect_when_it_fails(const std::string& name) { return name == "close"; }

bool passes(int error) {
  for (const int one : {EINTR, EAGAIN, ENOMEM, EMFILE, ENFILE, ENOBUFS}) {
    if (error == one) return true;
  }
  return false;
}

std::string name_of_error(int error) {
  const char* const name = strerrorname_np(error);
  return name == nullptr ? std::to_string(error) : name;
}

}  // namespace cinit::reliability
