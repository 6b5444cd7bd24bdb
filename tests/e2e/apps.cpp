// The programs that the end-to-end tests run in their containers, all in one static binary: app MODE [ARGUMENT...].
//
// Every line is written with a single write(2), so that lines of different processes never mix. A mode that waits for
// signals says "ready" first: from then on no signal is lost.
#include <fcntl.h>
#include <grp.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
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

namespace {

using Arguments = char**;  // those after the mode, ended by a nullptr

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

pid_t checked_fork() {
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  return pid;
}

// "web: " for the name "web", nothing without one: the start of a process's lines.
std::string prefix_of(const char* name) { return name == nullptr ? "" : std::string(name) + ": "; }

int number_of(const char* text, int otherwise) { return text == nullptr ? otherwise : std::atoi(text); }

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

// print-signals LAST: says "got N (K times)" for each signal that it gets; exits with 0 after LAST.
int print_signals(Arguments arguments) {
  const int last = number_of(arguments[0], SIGTERM);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  std::array<int, 65> counts{};
  say("ready");
  for (;;) {
    const int signal = next_signal(all);
    say("got " + std::to_string(signal) + " (" + std::to_string(++counts.at(static_cast<std::size_t>(signal))) +
        " times)");
    if (signal == last) return 0;
  }
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
  text += status_lines({"SigBlk", "SigIgn", "SigCgt", "NoNewPrivs"});
  for (char** variable = environ; *variable != nullptr; ++variable) text += "env." + std::string(*variable) + "\n";
  text += "end of state\n";
  write_all(STDOUT_FILENO, text);
  return 0;
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

// wait-for PATH: exits with 0 as soon as the file exists.
int wait_for(Arguments arguments) {
  const timespec span{0, 1'000'000};
  while (access(arguments[0], F_OK) != 0) nanosleep(&span, nullptr);
  return 0;
}

struct Mode {
  std::string_view name;
  int (*run)(Arguments);
};

constexpr Mode kModes[] = {
    {"app1", app1},         {"app2", app2},
    {"app3", app3},         {"deaf-child", deaf_child},
    {"slow", slow},         {"daemon", daemon_mode},
    {"orphans", orphans},   {"zombies", zombies},
    {"stream", stream},     {"exit", exit_mode},
    {"raise", raise_mode},  {"print-signals", print_signals},
    {"state", state},       {"shm", shm},
    {"flood", flood},       {"open-stdout", open_stdout},
    {"wait-for", wait_for},
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  for (const Mode& mode : kModes) {
    if (mode.name == wanted) return mode.run(argv + 2);
  }
  say("app: no such mode: " + std::string(wanted));
  return 112;
}
