// Parts of a test in processes of their own: what these change about themselves (signals, descriptors, users, mounts) ends
// with them, and what they hang in ends after a limit.
#pragma once

#include <sys/types.h>

#include <functional>
#include <initializer_list>
#include <string>

namespace cinit::test {

// What runs in such a process. The text that it returns is what the test looks at: a CHECK in there would not count. An
// exception ends it, and is what is returned.
using Body = std::function<std::string()>;

// Runs `body` in a forked child, which has default dispositions and no signal blocked. The test fails when the child does
// not return from `body` in time, or is killed in it.
std::string in_child(const Body& body);

// Which /proc a namespace sees.
enum class Proc { Own, OfParent, None };

// Runs `body` as PID 1 of a new PID namespace, which ends with it. `visitor` runs in there as well, but as what
// nsenter(1) or `docker exec` would start: its parent is outside.
std::string as_init(Proc proc, const Body& body, const std::function<void()>& visitor = {});

// For use in a body. They throw when they fail.

// Forks a process that runs `body` and exits. It is killed when whoever forked it ends.
pid_t fork_process(const std::function<void()>& body);
// One that does nothing until a signal ends it.
pid_t fork_sleeper();
// Gives up root, and every group.
inline constexpr uid_t kNobody = 65534;
void become_nobody();
// Mounts that are made from now on are seen by this process and its children only.
void enter_mount_namespace();
// Puts an empty directory over /proc.
void hide_proc();
// Makes the system call `number` fail with `error` from now on, as a seccomp filter of a container runtime does.
void refuse_call(long number, int error);
// Puts a file with the content `text` over `path`.
void replace_file(const std::string& path, const std::string& text);

// A call whose argument number `argument` (0 to 5) is `value`, as far as its lower half tells; argument -1: whatever it has.
struct FilteredCall {
  long number;
  int argument = -1;
  unsigned value = 0;
};
// From now on the kernel does `action` (SECCOMP_RET_...) instead of this call of this process and its children; with
// SECCOMP_RET_USER_NOTIF the call lasts until its process is killed.
void filter_call(const FilteredCall& call, unsigned action);

// Whether `condition` comes true before a limit that no test reaches unless something is wrong.
bool eventually(const std::function<bool()>& condition);

// The exit code of the child `pid`, or the signal that ended it: "code 3", "signal 15". Waits for it.
std::string end_of(pid_t pid);

// The parts one behind the other. Unlike the operands of "+", they are made in the order in which they stand here.
std::string in_order(std::initializer_list<std::string> parts);

// Reads what comes out of `fd` until its end.
std::string read_all(int fd);

// The line of /proc/self/status that begins with `key`, without it and without blanks around.
std::string own_status(const std::string& key);

}  // namespace cinit::test
