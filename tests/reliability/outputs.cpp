// Part (b): standard output and error that nobody reads, that are full, or gone. PID 1 looks after its services as ever, and
// answers.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

#include "control.hpp"
#include "process.hpp"
#include "rows.hpp"

namespace cinit::reliability {

namespace {

using namespace std::chrono_literals;

// A broken output: its descriptors, and what happens to it when.
struct Broken {
  BoxOptions box;
  std::vector<int> ours;                           // closed at the end
  std::function<void()> after_boot = [] {};        // what breaks it, when it is whole at first
  std::function<std::string()> recover = nullptr;  // makes it work again, and reads what is there
  bool ends_by_itself = false;                     // breaking it is documented to end the container
};

struct Kind {
  const char* name;
  void (*make)(Broken&);
  bool own_user = false;   // PID 1 is an ordinary user
  bool contended = false;  // services write into it as fast as they can, and its reader is slow
};

void set_output(Broken& broken, int fd) {
  broken.box.out = broken.box.err = fd;
  broken.ours.push_back(fd);
}

// Writes until there is no room. The descriptor keeps its flags, as PID 1 shares them.
void fill(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  const std::string much(4096, '.');
  while (write(fd, much.data(), much.size()) > 0) continue;
  while (write(fd, ".", 1) > 0) continue;
  fcntl(fd, F_SETFL, flags);
}

// What is there, and not what comes for ever.
std::string read_all(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  std::string text;
  std::array<char, 65536> buffer{};
  ssize_t length = 0;
  while (text.size() < (4 << 20) && (length = read(fd, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(length));
  }
  return text;
}

// Ours and theirs.
std::array<int, 2> make_pipe(Broken& broken) {
  std::array<int, 2> ends{};
  checked(pipe2(ends.data(), O_CLOEXEC), "pipe2");
  broken.ours.push_back(ends[0]);
  set_output(broken, ends[1]);
  return ends;
}

void full_pipe(Broken& broken) {
  const auto ends = make_pipe(broken);
  if (broken.box.user != 0) checked(fchown(ends[1], broken.box.user, broken.box.user), "fchown");
  fill(ends[1]);
  broken.recover = [ours = ends[0]] { return read_all(ours); };
}

void pipe_that_cannot_be_opened(Broken& broken) {
  const auto ends = make_pipe(broken);
  fill(ends[1]);
  broken.recover = [ours = ends[0]] { return read_all(ours); };
}

void pipe_that_stops_flowing(Broken& broken) {
  const auto ends = make_pipe(broken);
  broken.recover = [ours = ends[0]] { return read_all(ours); };
}

void full_pipe_without_proc(Broken& broken) {
  full_pipe(broken);
  broken.box.proc = false;
}

void closed_pipe(Broken& broken) {
  const auto ends = make_pipe(broken);
  close(ends[0]);
  broken.ours = {ends[1]};
}

void pipe_that_closes(Broken& broken) {
  const auto ends = make_pipe(broken);
  broken.ours = {ends[1]};
  broken.after_boot = [ours = ends[0]] { close(ours); };
}

void dev_full(Broken& broken) {
  set_output(broken, static_cast<int>(checked(open("/dev/full", O_WRONLY | O_CLOEXEC), "/dev/full")));
}

std::array<int, 2> make_terminal(Broken& broken) {
  std::array<int, 2> ends{};
  checked(openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr), "openpty");
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  broken.ours.push_back(ends[0]);
  set_output(broken, ends[1]);
  broken.box.in = ends[1];
  broken.recover = [ours = ends[0]] { return read_all(ours); };
  return ends;
}

void stopped_terminal(Broken& broken) {
  const auto ends = make_terminal(broken);
  broken.box.terminal = true;
  broken.after_boot = [theirs = ends[1]] { checked(tcflow(theirs, TCOOFF), "tcflow"); };
  broken.recover = [ours = ends[0], theirs = ends[1]] { return tcflow(theirs, TCOON), read_all(ours); };
}

void full_terminal(Broken& broken) { fill(make_terminal(broken)[1]); }

void hung_up_terminal(Broken& broken) {
  const auto ends = make_terminal(broken);
  close(ends[0]);
  broken.ours = {ends[1]};
  broken.recover = nullptr;
}

void terminal_that_hangs_up(Broken& broken) {
  const auto ends = make_terminal(broken);
  broken.box.terminal = true;
  broken.ours = {ends[1]};
  broken.recover = nullptr;
  broken.after_boot = [ours = ends[0]] { close(ours); };
  broken.ends_by_itself = true;
}

std::array<int, 2> make_sockets(Broken& broken, int type) {
  std::array<int, 2> ends{};
  checked(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
  broken.ours.push_back(ends[0]);
  set_output(broken, ends[1]);
  broken.recover = [ours = ends[0]] { return read_all(ours); };
  return ends;
}

void full_stream_socket(Broken& broken) { fill(make_sockets(broken, SOCK_STREAM)[1]); }
void full_datagram_socket(Broken& broken) { fill(make_sockets(broken, SOCK_DGRAM)[1]); }

void closed_socket(Broken& broken) {
  const auto ends = make_sockets(broken, SOCK_STREAM);
  close(ends[0]);
  broken.ours = {ends[1]};
  broken.recover = nullptr;
}

void nothing_open(Broken& broken) { broken.box.closed = {0, 1, 2}; }
void no_error_stream(Broken& broken) { broken.box.closed = {2}; }
void no_output_stream(Broken& broken) { broken.box.closed = {1}; }

void full_file_system(Broken& broken) {
  checked(unshare(CLONE_NEWNS), "unshare");
  checked(mount("tmpfs", "/mnt", "tmpfs", 0, "size=64k,mode=777"), "mount tmpfs");
  set_output(broken,
             static_cast<int>(checked(open("/mnt/log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666), "/mnt/log")));
  fill(broken.box.err);
  const int fd = broken.box.err;
  broken.recover = [fd] { return ftruncate(fd, 0) == 0 ? std::string(" ") : ""; };
}

void file_at_its_limit(Broken& broken) {
  const int fd = static_cast<int>(checked(open("/tmp", O_RDWR | O_TMPFILE | O_APPEND | O_CLOEXEC, 0666), "O_TMPFILE"));
  checked(ftruncate(fd, 1 << 20), "ftruncate");
  set_output(broken, fd);
  broken.box.last_step = [] {
    const rlimit limit{1 << 20, 1 << 20};
    checked(setrlimit(RLIMIT_FSIZE, &limit), "setrlimit");
  };
}

constexpr Kind kKinds[] = {
    {"full pipe, its reader sleeps", full_pipe},
    {"full pipe, and no /proc", full_pipe_without_proc},
    {"full pipe of an ordinary user", full_pipe, true},
    {"full pipe of root's, PID 1 is an ordinary user", pipe_that_cannot_be_opened, true},
    {"pipe of root's that fills up, PID 1 is an ordinary user", pipe_that_stops_flowing, true},
    {"pipe that many write to, opened anew", pipe_that_stops_flowing, false, true},
    {"pipe of root's that many write to, PID 1 is an ordinary user", pipe_that_stops_flowing, true, true},
    {"pipe that fills up", pipe_that_stops_flowing},
    {"pipe without a reader", closed_pipe},
    {"pipe whose reader goes away", pipe_that_closes},
    {"/dev/full", dev_full},
    {"stopped terminal", stopped_terminal},
    {"full terminal", full_terminal},
    {"hung-up terminal", hung_up_terminal},
    {"terminal that hangs up", terminal_that_hangs_up},
    {"full stream socket", full_stream_socket},
    {"full datagram socket", full_datagram_socket},
    {"socket whose peer has closed", closed_socket},
    {"0, 1 and 2 closed", nothing_open},
    {"1 closed", no_output_stream},
    {"2 closed", no_error_stream},
    {"file on a full disk", full_file_system},
    {"file at RLIMIT_FSIZE", file_at_its_limit},
};

std::string configuration(const std::string& prefix, bool contended) {
  const std::string talk = contended ? "flood chatter lines" : "service chatter chatter";
  const std::string more = contended ? "flood second lines" : "service second chatter";
  return "[cinit]\nlog-prefix = \"" + prefix +
         "\"\nstop-timeout = \"1s\"\n"
         "[defaults]\nrestart = \"always\"\nrestart-delay = \"20ms\"\nrestart-max-delay = \"20ms\"\nstart-limit-burst "
         "= 0\n"
         "[service.quiet]\ncommand = \"/bin/app service quiet\"\n"
         "[service.chatter]\ncommand = \"/bin/app " +
         talk + "\"\n[service.second]\ncommand = \"/bin/app " + more + "\"\n";
}

class Trial {
 public:
  Trial(const Setting& setting, const Kind& kind, const std::string& prefix)
      : setting_(setting), kind_(kind), prefix_(prefix), box_(setting.workshop) {}

  Outcome run() {
    if (kind_.own_user) broken_.box.user = 1000;
    kind_.make(broken_);
    const bool solo = prefix_ == "one command";
    if (solo) {
      broken_.box.command = {"/sbin/cinit", "-t", "1s", "--", "/bin/app", "service", "quiet", "deaf"};
    } else {
      box_.file("/etc/cinit.toml", configuration(prefix_, kind_.contended));
      broken_.box.env["CINIT_STOP_TIMEOUT"] = "1s";
    }
    box_.start(broken_.box);
    wait_for_start(0);
    broken_.after_boot();
    if (!broken_.ends_by_itself) {
      if (kind_.contended && !solo) contend();
      if (!solo) make_it_speak();
      if (!kind_.contended) be_quiet();
      if (!solo && !kind_.contended) recover();
      box_.signal(SIGTERM);
    }
    stop(solo);
    for (const int fd : broken_.ours) close(fd);
    outcome_.evidence = seen_;
    return outcome_;
  }

 private:
  std::size_t starts() const { return split_lines(read_file(box_.shared("quiet.up"))).size(); }

  bool wait_for_start(std::size_t before) {
    const bool came =
        wait_until([&] { return starts() > before || box_.has_ended(); }, setting_.limit(3s)) && starts() > before;
    outcome_.require_in_time(
        came, before == 0 ? "the service was not started" : "a service that crashed was not started again");
    return came;
  }

  // A reader that is slow, and much to say beside others that write. PID 1 must never stand in write(2).
  void contend() {
    const Clock::time_point end = Clock::now() + (setting_.soak ? 20s : 2500ms);
    int samples = 0;
    int waits = 0;
    while (Clock::now() < end && !box_.has_ended()) {
      std::array<char, 8192> buffer{};
      pollfd readable{broken_.ours.front(), POLLIN, 0};
      if (poll(&readable, 1, 10) == 1 && read(readable.fd, buffer.data(), buffer.size()) < 0) break;
      box_.signal(40 + samples % 20);  // ignored: a line for each
      ++samples;
      const std::string where = read_file("/proc/" + std::to_string(box_.pid()) + "/wchan");
      waits += where.find("pipe_write") != std::string::npos ? 1 : 0;
    }
    outcome_.note(std::to_string(samples) + " samples");
    outcome_.require(waits == 0,
                     "PID 1 stood in write(2), seen " + std::to_string(waits) + " times of " + std::to_string(samples));
  }

  // A crash is several lines; a signal that is ignored, one.
  void make_it_speak() {
    for (int i = 0; i < 5 && !box_.has_ended(); ++i) {
      const std::size_t before = starts();
      for (int j = 0; j < 20; ++j) box_.signal(SIGUSR1);
      const Strings lines = split_lines(read_file(box_.shared("quiet.up")));
      if (const auto pid = lines.empty() ? std::nullopt : find_child(box_.pid(), std::atoi(lines.back().c_str()))) {
        kill(*pid, SIGKILL);
      }
      if (!wait_for_start(before)) break;
    }
    const std::string socket = box_.inside("/run/cinit.sock");
    if (broken_.box.user != 0 || !broken_.box.proc) return;
    const Clock::time_point begin = Clock::now();
    outcome_.require_in_time(ask(socket, "status", setting_.limit(1s)).find("quiet") != std::string::npos,
                             "status was not answered");
    worst_answer_ = Clock::now() - begin;
  }

  void be_quiet() {
    constexpr Duration kSpan = 400ms;
    const Effort before = effort_of(box_.pid());
    const Clock::time_point begin = Clock::now();
    if (wait_until([&] { return box_.has_ended(); }, kSpan)) return;
    const std::string busy = is_busy(before, effort_of(box_.pid()), Clock::now() - begin);
    if (!busy.empty()) outcome_.fail(busy);
  }

  // What could not be written was kept, or is counted; either comes when there is room.
  void recover() {
    if (!broken_.recover || box_.has_ended()) return;
    seen_ += broken_.recover();
    const std::size_t before = starts();
    const auto is_told = [this] {
      return seen_.find("not written") != std::string::npos ||
             seen_.find("quiet: killed by SIGKILL") != std::string::npos;
    };
    wait_until(
        [&] {
          const Strings lines = split_lines(read_file(box_.shared("quiet.up")));
          if (starts() == before && !lines.empty()) {
            if (const auto pid = find_child(box_.pid(), std::atoi(lines.back().c_str()))) kill(*pid, SIGKILL);
          }
          seen_ += broken_.recover();
          return is_told() || box_.has_ended();
        },
        setting_.limit(1s));
    const bool is_text = seen_ != " " && kind_.make != full_file_system;
    if (is_text) outcome_.require(is_told(), "lines were lost, and not counted");
  }

  void stop(bool solo) {
    const Clock::time_point begin = Clock::now();
    const auto status = box_.wait_end(setting_.limit(1700ms));
    const Duration took = Clock::now() - begin;
    outcome_.require_in_time(status.has_value(), "the stop is not over after " +
                                                     std::to_string(static_cast<int>(milliseconds(took))) +
                                                     " ms of 1000 (state " + status_of(box_.pid(), "State") + ", in " +
                                                     read_file("/proc/" + std::to_string(box_.pid()) + "/wchan") + ")");
    if (!status) return;
    const int code = code_of(*status);
    const int wanted = !solo ? 0 : broken_.ends_by_itself ? 128 + SIGHUP : 128 + SIGKILL;
    outcome_.require(code == wanted, "exit code " + std::to_string(code) + ", not " + std::to_string(wanted));
  }

  const Setting& setting_;
  const Kind& kind_;
  std::string prefix_;
  Box box_;
  Broken broken_;
  Outcome outcome_;
  Duration worst_answer_{};
  std::string seen_;
};

}  // namespace

std::vector<Row> output_rows() {
  std::vector<Row> rows;
  for (const Kind& kind : kKinds) {
    for (const char* prefix : {"none", "name", "json", "one command"}) {
      rows.push_back(
          {"outputs", kind.name, std::string(kind.name) + ", " + prefix,
           [&kind, prefix = std::string(prefix)](const Setting& setting) { return Trial(setting, kind, prefix).run(); },
           1, false});
    }
  }
  return rows;
}

}  // namespace cinit::reliability
