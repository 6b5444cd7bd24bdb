#include "tracer.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>

#include "calls.hpp"
#include "text.hpp"

namespace cinit::reliability {

namespace {

// Which argument of a call says what the call is about.
enum class About { Nothing, Descriptor, Path, PathAt, Number, DescriptorAndNumber, Flags };

About about(long number) {
  switch (number) {
    case SYS_read:
    case SYS_readv:
    case SYS_pread64:
    case SYS_write:
    case SYS_writev:
    case SYS_pwritev2:
    case SYS_close:
    case SYS_fstat:
    case SYS_fstatfs:
    case SYS_getdents64:
    case SYS_lseek:
    case SYS_flock:
    case SYS_fchmod:
    case SYS_fchown:
    case SYS_ftruncate:
    case SYS_fchdir:
    case SYS_bind:
    case SYS_listen:
    case SYS_connect:
    case SYS_accept:
    case SYS_accept4:
    case SYS_shutdown:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_dup:
    case SYS_dup2:
    case SYS_dup3: return About::Descriptor;
    case SYS_ioctl:
    case SYS_fcntl: return About::DescriptorAndNumber;
    case SYS_prctl:
    case SYS_prlimit64: return About::Number;
    case SYS_clone: return About::Flags;
    case SYS_open:
    case SYS_stat:
    case SYS_lstat:
    case SYS_statfs:
    case SYS_access:
    case SYS_readlink:
    case SYS_chdir:
    case SYS_mkdir:
    case SYS_rmdir:
    case SYS_mknod:
    case SYS_unlink:
    case SYS_rename:
    case SYS_symlink:
    case SYS_chmod:
    case SYS_chown:
    case SYS_lchown: return About::Path;
    case SYS_openat:
    case SYS_openat2:
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_readlinkat:
    case SYS_mkdirat:
    case SYS_mknodat:
    case SYS_unlinkat:
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_linkat:
    case SYS_fchmodat:
    case SYS_fchownat:
    case SYS_utimensat:
    case SYS_inotify_add_watch: return About::PathAt;
    default: return About::Nothing;
  }
}

// Numbers that differ from run to run become "#", so that a call has one name.
std::string without_numbers(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) result += c;
    if (digit && !result.ends_with('#')) result += '#';
  }
  return result;
}

bool is_fault(int signal) {
  for (const int one : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS}) {
    if (signal == one) return true;
  }
  return false;
}

const char* epoll_operation(unsigned long long operation) {
  switch (operation) {
    case EPOLL_CTL_ADD: return "ADD";
    case EPOLL_CTL_MOD: return "MOD";
    default: return "DEL";
  }
}

}  // namespace

Tracer::Tracer(pid_t pid, Decide decide, long most_calls)
    : pid_(pid), decide_(std::move(decide)), most_calls_(most_calls) {
  constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  checked(ptrace(PTRACE_SEIZE, pid, nullptr, kOptions), "PTRACE_SEIZE");
  checked(ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr), "PTRACE_INTERRUPT");
}

int Tracer::run() {
  while (true) {
    int status = 0;
    if (waitpid(pid_, &status, __WALL) != pid_) {
      if (errno == EINTR) continue;
      return -1;
    }
    if (WIFEXITED(status) || WIFSIGNALED(status)) return status;
    stopped(status);
  }
}

void Tracer::stopped(int status) {
  const int signal = WSTOPSIG(status);
  const int event = status >> 16;
  if (signal == (SIGTRAP | 0x80)) {
    call_stop();
    return go_on(0);
  }
  if (event == PTRACE_EVENT_EXEC) begun_ = true;
  if (event == 0 && is_fault(signal)) {
    fault_ = signal;
    kill(pid_, SIGKILL);
  }
  if (event == PTRACE_EVENT_STOP &&
      (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU)) {
    ptrace(PTRACE_LISTEN, pid_, nullptr, nullptr);
    return;
  }
  go_on(event == 0 ? signal : 0);
}

void Tracer::go_on(int signal) { ptrace(begun_ || signal == 0 ? PTRACE_SYSCALL : PTRACE_CONT, pid_, nullptr, signal); }

void Tracer::call_stop() {
  if (!begun_) return;
  __ptrace_syscall_info info{};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof info, &info) <= 0) return;
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    call_begins(static_cast<long>(info.entry.nr), reinterpret_cast<const unsigned long long*>(info.entry.args));
  } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && inject_ != 0) {
    const unsigned long result = static_cast<unsigned long>(-static_cast<long>(inject_));
    ptrace(PTRACE_POKEUSER, pid_, offsetof(user_regs_struct, rax), result);
    inject_ = 0;
  }
}

void Tracer::call_begins(long number, const unsigned long long* arguments) {
  if (++calls_ >= most_calls_) kill(pid_, SIGKILL);
  inject_ = 0;
  PendingCall call = describe(number, arguments);
  call.starts = starts_;
  ++counts_[call.name + "(" + call.subject + ")"];
  inject_ = decide_(call);
  if (inject_ == 0) {
    if (number == SYS_clone || number == SYS_clone3 || number == SYS_vfork || number == SYS_fork) ++starts_;
    return;
  }
  // Without a valid number the kernel does nothing.
  if (!has_effect_when_it_fails(call.name)) ptrace(PTRACE_POKEUSER, pid_, offsetof(user_regs_struct, orig_rax), -1L);
}

PendingCall Tracer::describe(long number, const unsigned long long* arguments) {
  PendingCall call{name_of_call(number), "", 0};
  switch (about(number)) {
    case About::Nothing: break;
    case About::Descriptor: call.subject = descriptor(arguments[0]); break;
    case About::Path: call.subject = path(static_cast<unsigned>(AT_FDCWD), arguments[0]); break;
    case About::PathAt: call.subject = path(arguments[0], arguments[1]); break;
    case About::Number: call.subject = std::to_string(arguments[0]); break;
    case About::Flags: call.subject = (arguments[0] & 0x4000) != 0 ? "vfork" : ""; break;
    case About::DescriptorAndNumber:
      call.subject = std::to_string(arguments[1]) + " " + descriptor(arguments[0]);
      break;
  }
  if (number == SYS_epoll_ctl) call.subject = epoll_operation(arguments[1]) + (" " + descriptor(arguments[2]));
  return call;
}

std::string Tracer::descriptor(unsigned long long fd) {
  const std::string name = "/proc/" + std::to_string(pid_) + "/fd/" + std::to_string(static_cast<int>(fd));
  const std::string target = read_link(name);
  if (target.starts_with("pipe:")) return static_cast<int>(fd) <= 2 ? "output" : "pipe";
  if (target.starts_with("socket:")) return "socket";
  if (target.starts_with("anon_inode:")) return target.substr(11);
  return without_numbers(target);
}

std::string Tracer::path(unsigned long long directory, unsigned long long address) {
  const std::string name = without_numbers(text_at(address));
  if (name.starts_with('/') || static_cast<int>(directory) == AT_FDCWD) return name;
  const std::string place = descriptor(directory);
  return name.empty() ? place : place + (place.ends_with('/') ? "" : "/") + name;
}

std::string Tracer::text_at(unsigned long long address) const {
  // In pieces that do not cross a page: the next one need not be there.
  std::string text;
  while (text.size() < 300) {
    std::array<char, 64> buffer{};
    const std::size_t length = std::min<std::size_t>(buffer.size(), 4096 - address % 4096);
    iovec ours{buffer.data(), length};
    iovec theirs{reinterpret_cast<void*>(static_cast<std::uintptr_t>(address)), length};
    if (address == 0 || process_vm_readv(pid_, &ours, 1, &theirs, 1, 0) != static_cast<ssize_t>(length)) break;
    const std::size_t end = std::string_view(buffer.data(), length).find('\0');
    text.append(buffer.data(), std::min(end, length));
    if (end != std::string_view::npos) break;
    address += length;
  }
  return text;
}

}  // namespace cinit::reliability
