// The least that a PID 1 can do, to compare with: it starts what it is told to, forwards signals, reaps, and ends with the code of
// its command. Built without a libc, on musl and on glibc.
//
//   floor COMMAND...       one command
//   floor -v N PROGRAM     N copies, started one by one with CLONE_VFORK
//   floor -c N PROGRAM     N copies, started with clone(CLONE_VM), which is not waited for
#include "../../src/os/clone.cpp"
#include "../../src/os/syscall.hpp"

namespace sys = cinit::os::sys;

namespace {

constexpr int kMost = 10000;
constexpr long kStack = 4096;  // bytes

alignas(16) char stacks[kMost][kStack];
pid_t pids[kMost];

struct Start {
  char** argv;
  char** envp;
};

[[noreturn]] void run(void* data) {
  const Start& start = *static_cast<Start*>(data);
  const sys::SignalSet none;
  sys::sigprocmask(SIG_SETMASK, &none, nullptr);
  sys::execve(start.argv[0], start.argv, start.envp);
  sys::exit(127);
}

int code_of(const siginfo_t& info) { return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status; }

// Returns the code of the first one when nothing is left.
int supervise(int count) {
  int code = 0;
  siginfo_t info{};
  while (true) {
    const long signal = sys::sigtimedwait(sys::SignalSet::all(), &info, nullptr);
    if (signal == SIGCHLD) {
      while (sys::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0) {
        if (info.si_pid != pids[0]) continue;
        code = code_of(info);
        if (count == 1) return code;
      }
      if (sys::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return code;
    } else if (signal > 0) {
      for (int i = 0; i < count; ++i) sys::kill(pids[i], static_cast<int>(signal));
    }
  }
}

int number(const char* text) {
  int value = 0;
  for (; *text != '\0'; ++text) value = value * 10 + (*text - '0');
  return value;
}

}  // namespace

extern "C" int floor_main(int count, char** argv, char** envp) {
  const sys::SignalSet all = sys::SignalSet::all();
  sys::sigprocmask(SIG_SETMASK, &all, nullptr);
  const bool many = count > 3 && argv[1][0] == '-';
  const bool waits = !many || argv[1][1] == 'v';
  const int copies = many ? number(argv[2]) : 1;
  Start start{argv + (many ? 3 : 1), envp};
  for (int i = 0; i < copies; ++i) {
    char* const top = stacks[waits ? 0 : i] + kStack;
    pids[i] = static_cast<pid_t>(sys::clone_child(waits ? CLONE_VM | CLONE_VFORK : CLONE_VM, run, &start, top));
  }
  return supervise(copies);
}

#ifdef CINIT_WITHOUT_LIBC
extern "C" void* memset(void* memory, int byte, std::size_t size) {
  char* at = static_cast<char*>(memory);
  while (size-- > 0) *at++ = static_cast<char>(byte);
  return memory;
}

extern "C" [[noreturn, gnu::used]] void floor_start(long* stack) {
  const int count = static_cast<int>(stack[0]);
  char** const argv = reinterpret_cast<char**>(stack + 1);
  sys::exit(floor_main(count, argv, argv + count + 1));
}

asm(".globl _start\n_start: mov %rsp, %rdi\nand $-16, %rsp\ncall floor_start\n");
#else
int main(int count, char** argv, char** envp) { return floor_main(count, argv, envp); }
#endif
