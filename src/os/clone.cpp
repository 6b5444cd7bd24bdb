#include <sched.h>

#include "os/syscall.hpp"

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <sched.h>
#endif

namespace cinit::os::sys {

// The child starts on another stack, so everything that it needs after the call travels in registers.
#if defined(__x86_64__)
long clone_child(unsigned long flags, void (*function)(void*), void* argument, void* stack_top) {
  long result;
  register long r10 asm("r10") = 0;
  register long r8 asm("r8") = 0;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "mov %[argument], %%rdi\n\t"
      "call *%[function]\n\t"
      "ud2\n"
      "1:"
      : "=a"(result)
      : "a"(SYS_clone), "D"(flags | SIGCHLD), "S"(stack_top), "d"(0L), "r"(r10),
        "r"(r8), [function] "r"(function), [argument] "r"(argument)
      : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
long clone_child(unsigned long flags, void (*function)(void*), void* argument, void* stack_top) {
  register long x8 asm("x8") = SYS_clone;
  register long x0 asm("x0") = static_cast<long>(flags | SIGCHLD);
  register void* x1 asm("x1") = stack_top;
  register long x2 asm("x2") = 0;
  register long x3 asm("x3") = 0;
  register long x4 asm("x4") = 0;
  asm volatile(
      "svc 0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x0, %[argument]\n\t"
      "blr %[function]\n\t"
      "brk 1\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [function] "r"(function), [argument] "r"(argument)
      : "memory", "cc");
  return x0;
}
#else
long clone_child(unsigned long flags, void (*function)(void*), void* argument, void* stack_top) {
  struct Call {
    void (*function)(void*);
    void* argument;
  } call{function, argument};
  const auto enter = [](void* data) -> int {
    const Call& wanted = *static_cast<Call*>(data);
    wanted.function(wanted.argument);
    return 0;
  };
  const int pid = ::clone(enter, stack_top, static_cast<int>(flags | SIGCHLD), &call);
  return pid == -1 ? -errno : pid;
}
#endif

}  // namespace cinit::os::sys
