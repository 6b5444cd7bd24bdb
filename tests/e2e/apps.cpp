// The programs that the end-to-end tests run in their containers, all in one static binary: app MODE [ARGUMENT...].
//
// Every line is written with a single write(2), so that lines of different processes never mix. A mode that waits for
// signals says "ready" first: from then on no signal is lost.
#include "apps.hpp"

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <initializer_list>
#include <string>
#include <string_view>

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) _exit(111);
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void say(const std::string& line) { write_all(STDOUT_FILENO, line + "\n"); }

[[noreturn]] void fail(const char* what) {
  say(std::string(what) + ": " + std::strerror(errno));
  std::exit(111);
}

int number_of(const char* text, int otherwise) { return text == nullptr ? otherwise : std::atoi(text); }

namespace {

pid_t checked_fork() {
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  return pid;
}

// "web: " for the name "web", nothing without one: the start of a process's lines.
std::string prefix_of(const char* name) { return name == nullptr ? "" : std::string(name) + ": "; }

std::string name_of(int signal) {
  switch (signal) {
    case SIGTERM: return "terminated";
    case SIGINT: return "interrupt";
    case SIGQUIT: return "quit";
    case SIGHUP: return "hangup";
    case SIGUSR1: return "usr1";
    case SIGUSR2: return "usr2";
    default: return "signal " + std::to_string(signal);
  }
}

// The signals that the apps handle: blocked, and taken one by one with sigwaitinfo(2). SIGTSTP is not among them.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPWR}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return set;
}

int next_signal(const sigset_t& set, siginfo_t* info = nullptr) {
  int signal = 0;
  do {
    signal = sigwaitinfo(&set, info);
  } while (signal < 0 && errno == EINTR);
  return signal;
}

// Waits for the first signal, and exits with 0.
[[noreturn]] void obey(const std::string& prefix) {
  const sigset_t set = block_signals();
  say(prefix + "ready");
  say(prefix + "handle signal: " + name_of(next_signal(set)));
  say(prefix + "app exit normally");
  std::exit(0);
}

// Prints every signal, and goes on.
[[noreturn]] void ignore_all(const std::string& prefix) {
  const sigset_t set = block_signals();
  say(prefix + "ready");
  for (;;) say(prefix + "handle signal: " + name_of(next_signal(set)));
}

// app1 [NAME]
int app1(Arguments arguments) { obey(prefix_of(arguments[0])); }

// app2 [NAME]
int app2(Arguments arguments) { ignore_all(prefix_of(arguments[0])); }

// app3 [NAME]: two processes in one group, each of which obeys its own signal and nobody else's.
int app3(Arguments arguments) {
  const std::string prefix = prefix_of(arguments[0]);
  block_signals();  // before the fork: what the child gets early waits for it
  obey(prefix + (checked_fork() == 0 ? "child: " : "parent: "));
}

// deaf-child [NAME]: as app3, but the child never ends by itself.
int deaf_child(Arguments arguments) {
  const std::string prefix = prefix_of(arguments[0]);
  block_signals();
  if (checked_fork() == 0) ignore_all(prefix + "child: ");
  obey(prefix + "parent: ");
}

// slow MILLISECONDS [NAME]: needs its time to end, once it was told to.
int slow(Arguments arguments) {
  const std::string prefix = prefix_of(arguments[1]);
  const sigset_t set = block_signals();
  say(prefix + "ready");
  say(prefix + "handle signal: " + name_of(next_signal(set)));
  const int milliseconds = number_of(arguments[0], 0);
  const timespec span{milliseconds / 1000, (milliseconds % 1000) * 1'000'000L};
  nanosleep(&span, nullptr);
  say(prefix + "app exit normally");
  return 0;
}

// Runs `body` in a grandchild with a session of its own, whose parent is gone.
template <class Body>
void in_orphan(Body body) {
  const pid_t child = checked_fork();
  if (child == 0) {
    if (checked_fork() == 0) {
      setsid();
      body();
      _exit(0);
    }
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

// daemon [NAME]: leaves a process behind that obeys, and exits when that is ready.
int daemon_mode(Arguments arguments) {
  std::array<int, 2> ready{};
  if (pipe(ready.data()) != 0) fail("pipe");
  block_signals();
  in_orphan([&] {
    close(ready[0]);
    const std::string prefix = prefix_of(arguments[0]);
    const sigset_t set = block_signals();
    say(prefix + "ready");
    close(ready[1]);
    say(prefix + "handle signal: " + name_of(next_signal(set)));
    say(prefix + "app exit normally");
  });
  close(ready[1]);
  char end = 0;
  return read(ready[0], &end, 1) == 0 ? 0 : 111;
}

// orphans N: leaves N daemons behind, says so when all of them are ready, and obeys.
int orphans(Arguments arguments) {
  const int count = number_of(arguments[0], 1);
  std::array<int, 2> ready{};
  if (pipe(ready.data()) != 0) fail("pipe");
  block_signals();
  for (int i = 0; i < count; ++i) {
    in_orphan([&, i] {
      close(ready[0]);
      close(ready[1]);  // the last copy but the parent's
      const sigset_t set = block_signals();
      say("orphan " + std::to_string(i) + ": handle signal: " + name_of(next_signal(set)));
    });
  }
  close(ready[1]);
  char end = 0;
  if (read(ready[0], &end, 1) != 0) return 111;
  obey("orphans: ");
}

// wait-for PATH: exits with 0 as soon as the file exists.
int wait_for(Arguments arguments) {
  const timespec span{0, 1'000'000};
  while (access(arguments[0], F_OK) != 0) nanosleep(&span, nullptr);
  return 0;
}

// Forks a process with a pid that is free, or will be in a moment. Other processes of the namespace may start meanwhile, so
// this may need more than one attempt.
pid_t fork_as(pid_t wanted) {
  const timespec span{0, 1'000'000};
  for (int attempt = 0; attempt < 5000; ++attempt) {
    const int last_pid = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
    if (last_pid < 0) fail("ns_last_pid");
    write_all(last_pid, std::to_string(wanted - 1));
    close(last_pid);
    const pid_t pid = checked_fork();
    if (pid == 0 && getpid() != wanted) _exit(0);
    if (pid == 0 || pid == wanted) return pid;
    waitpid(pid, nullptr, 0);
    nanosleep(&span, nullptr);
  }
  say("pid " + std::to_string(wanted) + " is not free");
  std::exit(111);
}

// Gives a pid to an orphan, which says so and ends with `code`. Comes back when its parent is gone.
void give_to_orphan(pid_t wanted, int code) {
  std::array<int, 2> parent_lives{};
  if (pipe(parent_lives.data()) != 0) fail("pipe");
  const pid_t parent = checked_fork();
  if (parent == 0) {
    if (fork_as(wanted) == 0) {
      close(parent_lives[1]);
      char end = 0;
      if (read(parent_lives[0], &end, 1) != 0) _exit(111);
      say("orphan: pid " + std::to_string(getpid()) + ", child of " + std::to_string(getppid()) + ", ends with " +
          std::to_string(code));
      _exit(code);
    }
    _exit(0);
  }
  waitpid(parent, nullptr, 0);
  close(parent_lives[0]);
  close(parent_lives[1]);  // the last copy: the orphan has been adopted by now
}

// reuse PID CODE: gives the pid to an orphan that ends with the code.
int reuse(Arguments arguments) {
  give_to_orphan(number_of(arguments[0], 0), number_of(arguments[1], 0));
  return 0;
}

// heir PID CODE: leaves a daemon behind that does on SIGTERM what `reuse` does, and exits when that is ready.
int heir(Arguments arguments) {
  block_signals();  // before the fork: what the daemon gets early waits for it
  in_orphan([&] {
    next_signal(block_signals());
    reuse(arguments);
  });
  return 0;
}

// leave-member PATH PID CODE: leaves a process in its process group that, after SIGTERM, ends as soon as the file exists.
// Its parent, out of the group and the session, then does what `reuse` does, and waits for a signal so as not to wake PID 1
// by its own end. Exits when both are there.
int leave_member(Arguments arguments) {
  std::array<int, 2> ready{};
  if (pipe(ready.data()) != 0) fail("pipe");
  block_signals();  // before the fork: what the member gets early waits for it
  if (checked_fork() != 0) {
    close(ready[1]);
    char end = 0;
    return read(ready[0], &end, 1) == 0 ? 0 : 111;
  }
  const pid_t member = checked_fork();
  if (member == 0) {
    close(ready[1]);
    say("member: handle signal: " + name_of(next_signal(block_signals())));
    return wait_for(arguments);
  }
  setsid();
  close(ready[1]);
  waitpid(member, nullptr, 0);
  reuse(arguments + 1);
  next_signal(block_signals());
  return 0;
}

// zombies N: N processes that have ended, and whose parent ends without having waited for them; then obeys.
int zombies(Arguments arguments) {
  const int count = number_of(arguments[0], 1);
  block_signals();
  const pid_t parent = checked_fork();
  if (parent == 0) {
    for (int i = 0; i < count; ++i) {
      if (checked_fork() == 0) _exit(i % 256);
    }
    _exit(0);
  }
  waitpid(parent, nullptr, 0);
  obey("zombies: ");
}

// stream N: N orphans one after the other, each of which ends at once; then obeys.
int stream(Arguments arguments) {
  const int count = number_of(arguments[0], 1);
  block_signals();
  for (int i = 0; i < count; ++i) in_orphan([] {});
  obey("stream: ");
}

// exit CODE
int exit_mode(Arguments arguments) { return number_of(arguments[0], 0); }

// raise SIGNAL: ends by it, without a core file.
int raise_mode(Arguments arguments) {
  raise(number_of(arguments[0], SIGSEGV));
  return 111;
}

// Makes the two that glibc keeps for itself deadly, whatever was inherited: glibc itself refuses to.
void unignore_libc_signals() {
  const std::array<unsigned long, 4> standard{};  // the kernel's sigaction: all zero is SIG_DFL
  for (const int signal : {32, 33}) syscall(SYS_rt_sigaction, signal, standard.data(), nullptr, 8);
}

// print-signals LAST: says "got N (K times)" for each signal that it gets; exits with 0 after LAST.
int print_signals(Arguments arguments) {
  const int last = number_of(arguments[0], SIGTERM);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  std::array<int, 65> counts{};
  unignore_libc_signals();
  say("ready");
  for (;;) {
    const int signal = next_signal(all);
    say("got " + std::to_string(signal) + " (" + std::to_string(++counts.at(static_cast<std::size_t>(signal))) +
        " times)");
    if (signal == last) return 0;
  }
}

// pair LAST: the same in two processes of one group, each with its name in front.
int pair(Arguments arguments) {
  const int last = number_of(arguments[0], SIGTERM);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  const pid_t child = checked_fork();
  const char* const name = child == 0 ? "child: " : "parent: ";
  say(name + std::string("ready"));
  for (;;) {
    const int signal = next_signal(all);
    if (signal == SIGCHLD) continue;
    say(name + std::string("got ") + std::to_string(signal));
    if (signal == last) break;
  }
  if (child > 0) {
    kill(child, last);  // in case that it did not get its own
    waitpid(child, nullptr, 0);
  }
  return 0;
}

// The lines of /proc/self/status that begin with one of `keys`.
std::string status_lines(std::initializer_list<std::string_view> keys) {
  std::string found;
  std::FILE* file = std::fopen("/proc/self/status", "re");
  if (file == nullptr) return "status=unreadable\n";
  std::array<char, 512> line{};
  while (std::fgets(line.data(), line.size(), file) != nullptr) {
    for (std::string_view key : keys) {
      if (std::string_view(line.data()).starts_with(key)) found += line.data();
    }
  }
  std::fclose(file);
  return found;
}

std::string open_descriptors() {
  std::string list;
  for (int fd = 0; fd < 256; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) list += (list.empty() ? "" : " ") + std::to_string(fd);
  }
  return list;
}

std::string supplementary_groups() {
  std::array<gid_t, 64> groups{};
  const int count = getgroups(static_cast<int>(groups.size()), groups.data());
  std::string list;
  for (int i = 0; i < count; ++i) {
    list += (list.empty() ? "" : " ") + std::to_string(groups.at(static_cast<std::size_t>(i)));
  }
  return list;
}

// state: what a process inherits, one NAME=VALUE a line, the environment last, each variable as env.NAME=VALUE.
int state(Arguments) {
  const mode_t mask = umask(0);
  std::array<char, 4096> directory{};
  if (getcwd(directory.data(), directory.size()) == nullptr) fail("getcwd");
  std::array<char, 8> mask_text{};
  std::snprintf(mask_text.data(), mask_text.size(), "%04o", mask);
  std::string text;
  const auto add = [&text](const char* key, const std::string& value) { text += key + ("=" + value) + "\n"; };
  add("pid", std::to_string(getpid()));
  add("ppid", std::to_string(getppid()));
  add("pgrp", std::to_string(getpgrp()));
  add("sid", std::to_string(getsid(0)));
  add("foreground", std::to_string(tcgetpgrp(STDIN_FILENO)));
  add("uid", std::to_string(getuid()));
  add("gid", std::to_string(getgid()));
  add("groups", supplementary_groups());
  add("cwd", directory.data());
  add("umask", mask_text.data());
  add("descriptors", open_descriptors());
  add("euid", std::to_string(geteuid()));
  text += status_lines({"SigBlk", "SigIgn", "SigCgt", "NoNewPrivs"});
  for (char** variable = environ; *variable != nullptr; ++variable) text += "env." + std::string(*variable) + "\n";
  text += "end of state\n";
  write_all(STDOUT_FILENO, text);
  return 0;
}

// Whose process group or session it is, in words: the numbers differ from run to run.
std::string owner_of(pid_t id, pid_t own, pid_t parents) {
  if (id <= 0) return "nobody's";
  if (id == own) return "own";
  return id == parents ? "the parent's" : "another";
}

// place: where a process stands among others, without numbers that differ from run to run.
int place(Arguments) {
  const pid_t parent = getppid();
  std::string text = std::string("parent: ") + (parent == 1 ? "PID 1" : "another") + "\n";
  text += "group: " + owner_of(getpgrp(), getpid(), getpgid(parent)) + "\n";
  text += "session: " + owner_of(getsid(0), getpid(), getsid(parent)) + "\n";
  text += "foreground: " + owner_of(tcgetpgrp(STDIN_FILENO), getpgrp(), getpgid(parent)) + "\n";
  const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
  text += std::string("controlling terminal: ") + (terminal >= 0 ? "yes" : "no") + "\n";
  if (terminal >= 0) text += "its foreground: " + owner_of(tcgetpgrp(terminal), getpgrp(), getpgid(parent)) + "\n";
  if (terminal >= 0) close(terminal);
  text += "descriptors: " + open_descriptors() + "\n" + status_lines({"SigBlk", "SigIgn", "SigCgt"});
  const char* listen_pid = std::getenv("LISTEN_PID");
  if (listen_pid) text += std::string("LISTEN_PID: ") + owner_of(std::atoi(listen_pid), getpid(), parent) + "\n";
  text += "end of place\n";
  write_all(STDOUT_FILENO, text);
  return 0;
}

// with WORD=NUMBER... -- COMMAND: ignore=SIGNAL, block=SIGNAL, raise=SIGNAL (block it, and have it pending), fd=DESCRIPTOR
// (opened), no-stdin=0 (standard input is /dev/null), name=TEXT (its argv[0]); then turns into the command.
int with(Arguments arguments) {
  char* name = nullptr;
  for (; *arguments != nullptr && std::string_view(*arguments) != "--"; ++arguments) {
    const std::string_view word = *arguments;
    const int number = std::atoi(*arguments + word.find('=') + 1);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    if (word.starts_with("ignore=")) std::signal(number, SIG_IGN);
    if (word.starts_with("block=") || word.starts_with("raise=")) sigprocmask(SIG_BLOCK, &set, nullptr);
    if (word.starts_with("raise=")) kill(getpid(), number);
    if (word.starts_with("fd=")) dup2(STDOUT_FILENO, number);
    if (word.starts_with("no-stdin=")) dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    if (word.starts_with("name=")) name = *arguments + std::string_view("name=").size();
  }
  if (*arguments == nullptr) return 112;
  const std::string program = arguments[1];
  if (name != nullptr) arguments[1] = name;
  execvp(program.c_str(), arguments + 1);
  fail(program.c_str());
}

// shm BYTES
int shm(Arguments arguments) {
  const int id = shmget(IPC_PRIVATE, static_cast<std::size_t>(number_of(arguments[0], 4096)), IPC_CREAT | 0600);
  if (id < 0) fail("shmget");
  shmctl(id, IPC_RMID, nullptr);
  say("shmget works");
  return 0;
}

// open-stdout: as nginx does with its log files.
int open_stdout(Arguments) {
  for (const char* path : {"/dev/stdout", "/dev/stderr"}) {
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) fail(path);
    write_all(fd, std::string("written to ") + path + "\n");
    close(fd);
  }
  return 0;
}

// flood BYTES: writes that much to standard error, says so on the way out, and never mind who reads it.
int flood(Arguments arguments) {
  const std::string line(1023, 'x');
  for (int left = number_of(arguments[0], 1 << 20); left > 0; left -= 1024) write_all(STDERR_FILENO, line + "\n");
  return 0;
}

// lines NAME COUNT FROM TO: so many lines "NAME NUMBER xxx...", each of a size between the two, without its newline.
int lines(Arguments arguments) {
  const int count = number_of(arguments[1], 1);
  const int from = number_of(arguments[2], 100);
  const int to = number_of(arguments[3], from);
  for (int number = 0; number < count; ++number) {
    std::string line = std::string(arguments[0]) + " " + std::to_string(number) + " ";
    line.resize(static_cast<std::size_t>(from + number * 7919 % (to - from + 1)), static_cast<char>('a' + number % 26));
    say(line);
  }
  return 0;
}

// exchange NAME LINK TARGET: lets the file or directory NAME and LINK, a link to TARGET, change places as often as it can.
// Again and again LINK is made anew, in case somebody else has moved it.
int exchange(Arguments arguments) {
  while (true) {
    for (int i = 0; i < 64; ++i) {
      syscall(SYS_renameat2, AT_FDCWD, arguments[0], AT_FDCWD, arguments[1], 2 /* RENAME_EXCHANGE */);
    }
    std::array<char, 256> text{};
    if (readlink(arguments[0], text.data(), text.size()) > 0 || readlink(arguments[1], text.data(), text.size()) > 0)
      continue;
    unlink(arguments[1]);
    if (symlink(arguments[2], arguments[1]) != 0 && errno != EEXIST) fail("symlink");
  }
}

// lease FILE END: leaves a process behind that has a write lease on the file, so that nobody else opens it, until END exists.
int lease(Arguments arguments) {
  std::array<int, 2> ready{};
  if (pipe(ready.data()) != 0) fail("pipe");
  in_orphan([&] {
    close(ready[0]);
    signal(SIGIO, SIG_IGN);
    const int file = open(arguments[0], O_RDWR | O_CLOEXEC);
    if (fcntl(file, F_SETLEASE, F_WRLCK) != 0) fail("F_SETLEASE");
    close(ready[1]);
    wait_for(arguments + 1);
  });
  close(ready[1]);
  char end = 0;
  return read(ready[0], &end, 1) == 0 ? 0 : 111;
}

// bytes: a line with each byte there is, but for the newline.
int bytes(Arguments) {
  std::string line;
  for (int byte = 0; byte < 256; ++byte) {
    if (byte != '\n') line += static_cast<char>(byte);
  }
  say(line);
  return 0;
}

// without CAPABILITY COMMAND...: runs the command with that capability (a number) out of reach.
int without(Arguments arguments) {
  if (prctl(PR_CAPBSET_DROP, number_of(arguments[0], 0), 0, 0, 0) != 0) fail("prctl");
  execv(arguments[1], arguments + 1);
  fail(arguments[1]);
}

// bind PORT
int bind_port(Arguments arguments) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(number_of(arguments[0], 80)));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) fail("bind");
  say("bound");
  return 0;
}

// as ID COMMAND...: runs the command as the user and the group of this number.
int as(Arguments arguments) {
  const auto id = static_cast<uid_t>(number_of(arguments[0], 0));
  if (getuid() != id && (setgroups(0, nullptr) != 0 || setgid(id) != 0 || setuid(id) != 0)) fail("as");
  execvp(arguments[1], arguments + 1);
  fail(arguments[1]);
}

struct Mode {
  std::string_view name;
  int (*run)(Arguments);
};

constexpr Mode kModes[] = {
    {"app1", app1},
    {"app2", app2},
    {"app3", app3},
    {"deaf-child", deaf_child},
    {"slow", slow},
    {"daemon", daemon_mode},
    {"orphans", orphans},
    {"zombies", zombies},
    {"stream", stream},
    {"exit", exit_mode},
    {"raise", raise_mode},
    {"print-signals", print_signals},
    {"state", state},
    {"shm", shm},
    {"flood", flood},
    {"open-stdout", open_stdout},
    {"wait-for", wait_for},
    {"reuse", reuse},
    {"heir", heir},
    {"leave-member", leave_member},
    {"as", as},
    {"notify", notify},
    {"notify-with-descriptors", notify_with_descriptors},
    {"notify-without-end", notify_without_end},
    {"notify-with-passenger", notify_with_passenger},
    {"ask-with-passenger", ask_with_passenger},
    {"without-pass-rights", without_pass_rights},
    {"refuse-watches", refuse_watches},
    {"barrier", barrier},
    {"keep-alive", keep_alive},
    {"listen", listen_on},
    {"http", serve_http},
    {"lines", lines},
    {"exchange", exchange},
    {"lease", lease},
    {"bytes", bytes},
    {"without", without},
    {"broken-stderr", broken_stderr},
    {"refuse", refuse},
    {"bind", bind_port},
    {"place", place},
    {"with", with},
    {"pair", pair},
    {"stop-everybody", stop_everybody},
    {"hold-lease", hold_lease},
    {"pry", pry},
    {"leave-behind", leave_behind},
    {"stay", stay},
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  for (const Mode& mode : kModes) {
    if (mode.name == wanted) return mode.run(argv + 2);
  }
  // A program that is called by a path of its own, such as a set-user-id copy.
  for (const Mode& mode : kModes) {
    if (std::string_view(argv[0]).ends_with("/" + std::string(mode.name))) return mode.run(argv + 1);
  }
  say("app: no such mode: " + std::string(wanted));
  return 112;
}
