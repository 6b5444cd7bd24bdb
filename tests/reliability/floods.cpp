// Part (c): too much of everything. PID 1 keeps its size, its services, its log short, and stops in time.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "control.hpp"
#include "process.hpp"
#include "rows.hpp"

namespace cinit::reliability {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct Flood {
  std::string name;
  std::string configuration;  // besides the service "quiet"
  // What comes from outside, about `span` long; the services of `configuration` flood meanwhile.
  std::function<void(Box&, Duration span)> pour = [](Box& box, Duration span) {
    wait_until([&] { return box.read_log(), box.has_ended(); }, span);
  };
  long most_growth_kb = 4096;
  long most_leak_kb = 4096;  // between the middle and the end
  std::size_t most_log = 128 << 10;
  std::size_t most_processes = 0;  // 0: without a limit
  const char* prefix = "name";
  const char* buffer = "64KB";
  rlim_t most_data_kb = 0;  // RLIMIT_DATA; 0: none
};

// A group of the pids controller with a limit, for one container.
class ProcessLimit {
 public:
  explicit ProcessLimit(std::size_t most) {
    const std::string mount = fs::exists("/sys/fs/cgroup/pids") ? "/sys/fs/cgroup/pids" : "/sys/fs/cgroup";
    directory_ = mount + "/cinit-reliability." + std::to_string(getpid());
    checked(mkdir(directory_.c_str(), 0755), "mkdir in the pids cgroup");
    write_file(directory_ + "/pids.max", std::to_string(most) + "\n");
  }
  ~ProcessLimit() {
    wait_until([this] { return rmdir(directory_.c_str()) == 0; }, 3s);
  }
  ProcessLimit(const ProcessLimit&) = delete;
  ProcessLimit& operator=(const ProcessLimit&) = delete;
  const std::string& directory() const { return directory_; }
  bool was_reached() const { return std::atol(read_file(directory_ + "/pids.events").substr(4).c_str()) > 0; }

 private:
  std::string directory_;
};

std::string service(const std::string& name, const std::string& arguments, const std::string& more = "") {
  return "[service." + name + "]\ncommand = \"/bin/app " + arguments + "\"\n" + more;
}

// About ten thousand signals a second.
void pour_signals(Box& box, int number, Duration span) {
  const Clock::time_point end = Clock::now() + span;
  long sent = 0;
  while (Clock::now() < end && !box.has_ended()) {
    // What is due by now, however long the machine let us wait.
    const auto due = static_cast<long>(milliseconds(Clock::now() - (end - span)) * 10);
    for (; sent < due; ++sent) box.signal(number);
    box.read_log();
    usleep(1000);
  }
}

std::string socket_of(const Box& box) { return box.inside("/run/cinit.sock"); }

// Clients that send `text` and sit, as many as there may be and more. They come and go.
void pour_clients(Box& box, const std::string& text, Duration span) {
  const Clock::time_point end = Clock::now() + span;
  while (Clock::now() < end && !box.has_ended()) {
    std::vector<int> clients;
    for (int i = 0; i < 70; ++i) {
      const int fd = connect_to(socket_of(box), 50ms);
      if (fd < 0) continue;
      send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      clients.push_back(fd);
    }
    wait_until([&] { return box.read_log(), box.has_ended(); }, 100ms);
    for (const int fd : clients) close(fd);
  }
}

void pour_requests(Box& box, Duration span) {
  const Clock::time_point end = Clock::now() + span;
  while (Clock::now() < end && !box.has_ended()) {
    for (const char* request :
         {"status --json", "health", "logs", "restart --no-wait quiet", "signal SIGCONT quiet", "no such"}) {
      ask(socket_of(box), request, 500ms);
    }
    box.read_log();
  }
}

// Letters for a service directory, as sv(8) writes them.
void pour_letters(Box& box, Duration span) {
  std::error_code ignored;
  const std::string directory = box.inside("/etc/service/sv");
  fs::create_directories(directory, ignored);
  fs::create_symlink("/bin/nothing", directory + "/run", ignored);
  const std::string control = directory + "/supervise/control";
  wait_until([&] { return box.read_log(), fs::exists(control) || box.has_ended(); }, 3s);
  const int fd = open(control.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  const Clock::time_point end = Clock::now() + span;
  const std::string letters = "uduoudtkhapc";
  while (Clock::now() < end && !box.has_ended()) {
    if (write(fd, letters.data(), letters.size()) < 0) usleep(200);
    box.read_log();
  }
  close(fd);
}

// Rounds of many directories that are not there for long, each time under other names: two at first, and then four. A round begins
// when cinit has noticed the end of the one before: a machine that is slow would have twice as many at once, and PID 1 their memory.
void pour_directories(Box& box, Duration span) {
  constexpr Duration kMost = 5s;
  const auto lists = [&](const std::string& name) {
    return ask(socket_of(box), "status", 500ms).find("\n" + name) != std::string::npos;
  };
  std::error_code ignored;
  const std::string marker = box.inside("/etc/rounds");
  const int rounds = (fs::exists(marker) ? 4 : 2) + static_cast<int>(milliseconds(span) / 2000);
  for (int round = 0; round < rounds && !box.has_ended(); ++round) {
    const std::string number = std::to_string(read_file(marker).size());
    write_file(marker, read_file(marker) + "x");
    for (int i = 0; i < 600; ++i) {
      const std::string directory = box.inside("/etc/service/" + number + "-" + std::to_string(i));
      fs::create_directories(directory, ignored);
      fs::create_symlink("/bin/nothing", directory + "/run", ignored);
    }
    wait_until([&] { return box.read_log(), box.has_ended() || lists(number + "-599"); }, kMost);
    for (const auto& entry : fs::directory_iterator(box.inside("/etc/service"), ignored))
      fs::remove_all(entry.path(), ignored);
    wait_until([&] { return box.read_log(), box.has_ended() || !lists(number + "-"); }, kMost);
  }
}

std::vector<Flood> all_floods() {
  std::vector<Flood> floods;
  floods.push_back({"orphans", service("orphans", "flood orphans orphans")});
  floods.push_back({"orphans of an ordinary user", service("orphans", "flood orphans orphans", "user = \"app\"\n")});
  for (const int number : {SIGUSR1, SIGUSR2, SIGHUP, SIGALRM, SIGCHLD, SIGCONT, SIGWINCH, SIGPIPE, SIGURG, SIGIO,
                           SIGTSTP, SIGTTIN, SIGVTALRM, 34, 50, 64}) {
    const char* const abbreviation = sigabbrev_np(number);
    const std::string name = abbreviation != nullptr ? "SIG" + std::string(abbreviation) : std::to_string(number);
    floods.push_back({"signals " + name, "", [number](Box& box, Duration span) { pour_signals(box, number, span); }});
  }
  floods.push_back({"lines of output, prefix name", service("lines", "flood lines lines")});
  floods.back().most_log = ~0UL;
  floods.push_back({"lines of output, prefix json", service("lines", "flood lines lines")});
  floods.back().most_log = ~0UL;
  floods.back().prefix = "json";
  floods.push_back({"bytes at random, prefix json", service("bytes", "flood bytes bytes")});
  floods.back().most_log = ~0UL;
  floods.back().prefix = "json";
  floods.push_back({"a line without end", service("lines", "flood lines line-without-end")});
  floods.back().most_log = ~0UL;
  floods.push_back({"lines of output into a file that is put aside",
                    service("lines", "flood lines lines",
                            "user = \"app\"\nstdout = \"file:/home/app/out.log\"\nlog-max-size = \"64KB\"\n")});
  floods.push_back({"notifications of an ordinary user",
                    service("notifier", "flood notifier notifications", "ready = \"notify\"\nuser = \"app\"\n")});
  floods.push_back(
      {"a watchdog that barks",
       service("dog", "flood dog barks",
               "ready = \"notify\"\nuser = \"app\"\nhealth = { watchdog = \"60s\", action = \"ignore\" }\n")});
  std::string eight;
  for (int i = 0; i < 8; ++i)
    eight += service("lines" + std::to_string(i), "flood lines" + std::to_string(i) + " lines");
  std::string crashing;
  for (int i = 0; i < 50; ++i) {
    const std::string name = "crash" + std::to_string(i);
    crashing += service(name, "mark " + name + " 3", "on-failure = \"ignore\"\n");
  }
  floods.push_back({"50 services that crash", crashing});
  floods.push_back(
      {"a service that crashes without a pause",
       service("crash", "mark crash 3", "restart-delay = 0\nrestart-max-delay = 0\nstart-limit-burst = 0\n")});
  floods.back().most_log = 16 << 20;
  floods.push_back({"clients that connect and sit", "", [](Box& box, Duration span) { pour_clients(box, "", span); }});
  floods.push_back(
      {"clients with half a request", "", [](Box& box, Duration span) { pour_clients(box, "cinit/1 sta", span); }});
  floods.push_back({"clients that do not read", service("lines", "flood lines lines"),
                    [](Box& box, Duration span) { pour_clients(box, "cinit/1 logs -f\n", span); }});
  floods.back().most_log = ~0UL;
  floods.back().most_growth_kb = 10 << 10;  // 4 MB wait for all clients together
  floods.push_back({"clients that ask for much and do not read",
                    service("lines", "flood lines lines", "stderr = \"stdout\"\n"),
                    [](Box& box, Duration span) { pour_clients(box, "cinit/1 logs -n 1000000\n", span); }});
  floods.back().most_log = ~0UL;
  floods.back().most_growth_kb = 64 << 10;  // each answer is made of a copy of all that is kept, one after the other
  floods.back().buffer = "2MB";
  floods.push_back({"requests", "", pour_requests});
  floods.back().most_log = 1 << 20;
  floods.push_back({"service directories that come and go", "", pour_directories});
  floods.back().most_log = 4 << 20;
  floods.back().most_growth_kb = 16 << 10;  // as long as there are hundreds of them
  floods.back().most_leak_kb = 5 << 10;
  floods.push_back({"letters of sv", "", pour_letters});
  floods.push_back({"lines of eight services, and RLIMIT_DATA", eight});
  floods.back().most_log = ~0UL;
  floods.back().most_growth_kb = 16 << 10;
  floods.back().buffer = "2MB";
  floods.back().most_data_kb = 6000;
  floods.push_back(
      {"fork bomb of an ordinary user, 60 processes allowed", service("bomb", "flood bomb bomb", "user = \"app\"\n")});
  floods.back().most_processes = 60;
  return floods;
}

// Whether the text is UTF-8 (RFC 3629), but for a character that its end cuts.
bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xc2 ? 0
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 0;
    if (length == 0) return false;
    if (text.size() < length) return true;
    for (std::size_t i = 1; i < length; ++i) {
      if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

constexpr const char* kQuiet =
    "stop-timeout = \"1s\"\n[service.quiet]\ncommand = \"/bin/app service quiet\"\nrestart = \"always\"\n"
    "restart-delay = \"20ms\"\nrestart-max-delay = \"20ms\"\nstart-limit-burst = 0\n";

class Trial {
 public:
  Trial(const Setting& setting, const Flood& flood) : setting_(setting), flood_(flood), box_(setting.workshop) {}

  Outcome run() {
    box_.file("/etc/cinit.toml", "[cinit]\nlog-prefix = \"" + std::string(flood_.prefix) + "\"\nlog-buffer = \"" +
                                     flood_.buffer + "\"\n" + kQuiet + flood_.configuration);
    box_.directory("/home/app", 1000).directory("/etc/service", 0);
    BoxOptions options;
    std::optional<ProcessLimit> limit;
    if (flood_.most_processes > 0) {
      limit.emplace(flood_.most_processes);
      options.cgroup = limit->directory();
    }
    if (flood_.most_data_kb > 0) {
      options.last_step = [kb = flood_.most_data_kb] {
        const rlimit most{kb << 10, kb << 10};
        checked(setrlimit(RLIMIT_DATA, &most), "setrlimit");
      };
    }
    box_.start(options);
    if (!wait_until([&] { return box_.read_log(), starts() > 0; }, setting_.limit(3s)))
      outcome_.fail_late("the service was not started");
    const long before = effort_of(box_.pid()).resident_kb;
    const Duration span = setting_.soak ? 20s : 1s;
    flood_.pour(box_, span / 2);
    look("in the middle of it", before);
    if (limit) {
      const bool reached = wait_until([&] { return box_.read_log(), limit->was_reached(); }, setting_.limit(3s));
      outcome_.require(reached, "the flood did not reach its limit of processes");
    }
    flood_.pour(box_, span / 2);
    look("after it", before);
    if (flood_.most_processes == 0) crash();
    stop();
    box_.read_rest_of_log();
    judge_log();
    return outcome_;
  }

 private:
  std::size_t starts() const { return split_lines(read_file(box_.shared("quiet.up"))).size(); }

  void look(const std::string& when, long before) {
    if (box_.has_ended() && flood_.most_data_kb > 0) return;  // it may give up, in order
    if (box_.has_ended()) return outcome_.fail("PID 1 has ended " + when);
    const Clock::time_point begin = Clock::now();
    bool answered = false;
    wait_until([&] { return box_.read_log(), answered = answers(), answered || box_.has_ended(); }, setting_.limit(1s));
    outcome_.require_in_time(answered, "status was not answered within " +
                                           std::to_string(static_cast<int>(milliseconds(Clock::now() - begin))) +
                                           " ms " + when);
    const long growth = effort_of(box_.pid()).resident_kb - before;
    outcome_.note("+" + std::to_string(growth) + " KB");
    if (middle_ != 0) {
      const auto used = effort_of(box_.pid()).processor_time;
      outcome_.note(std::to_string(static_cast<int>(milliseconds(used))) + " ms of the processor");
    }
    if (middle_ != 0) {
      outcome_.require(growth - middle_ <= flood_.most_leak_kb,
                       "PID 1 keeps growing: by " + std::to_string(growth - middle_) + " KB");
    }
    middle_ = growth;
    outcome_.require(growth <= flood_.most_growth_kb, "PID 1 grew by " + std::to_string(growth) + " KB " + when);
  }

  bool answers() {
    const std::string answer = ask(socket_of(box_), "status", setting_.limit(500ms));
    return answer.find("quiet") != std::string::npos;
  }

  void crash() {
    const std::size_t before = starts();
    const Strings lines = split_lines(read_file(box_.shared("quiet.up")));
    if (lines.empty() || (box_.has_ended() && flood_.most_data_kb > 0)) return;
    if (const auto pid = find_child(box_.pid(), std::atoi(lines.back().c_str()))) kill(*pid, SIGKILL);
    outcome_.require_in_time(wait_until([&] { return box_.read_log(), starts() > before; }, setting_.limit(1s)),
                             "a service that crashed was not started again");
  }

  void stop() {
    const Clock::time_point begin = Clock::now();
    box_.signal(SIGTERM);
    const auto status = box_.wait_end(setting_.limit(1700ms));
    const int took = static_cast<int>(milliseconds(Clock::now() - begin));
    outcome_.require_in_time(status.has_value(), "the stop is not over after " + std::to_string(took) +
                                                     " ms of 1000 (state " + status_of(box_.pid(), "State") + ")");
    if (!status) return;
    const int code = code_of(*status);
    outcome_.require(code == 0 || code == 137 || (code == 70 && flood_.most_data_kb > 0),
                     "exit code " + std::to_string(code));
    outcome_.note("stop " + std::to_string(took) + " ms");
  }

  void judge_log() {
    const std::size_t length = box_.log().size();
    outcome_.note("log " + std::to_string(length / 1024) + " KB");
    if (std::strcmp(flood_.prefix, "json") == 0)
      outcome_.require(is_utf8(box_.log()), "the log is not UTF-8, and so not JSON");
    outcome_.require(length <= flood_.most_log, "the log has " + std::to_string(length / 1024) + " KB");
    outcome_.evidence = box_.log().substr(0, 20000);
  }

  const Setting& setting_;
  const Flood& flood_;
  Box box_;
  Outcome outcome_;
  long middle_ = 0;  // KB by which PID 1 had grown
};

}  // namespace

std::vector<Row> flood_rows() {
  static const std::vector<Flood> floods = all_floods();
  std::vector<Row> rows;
  for (const Flood& flood : floods) {
    const std::string group = flood.name.starts_with("signals ") ? "signals, 10,000 a second of each kind" : flood.name;
    rows.push_back({"floods", group, flood.name,
                    [&flood](const Setting& setting) { return Trial(setting, flood).run(); }, 2, false});
  }
  return rows;
}

}  // namespace cinit::reliability
