#include "times.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "process.hpp"
#include "text.hpp"

namespace cinit::bench {

using namespace reliability;
using namespace std::chrono_literals;

namespace {

constexpr auto kLimit = 120s;

double now() {  // microseconds
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

// A place that PID 1 writes the time of its exec to.
class ExecTime {
 public:
  ExecTime()
      : time_(static_cast<double*>(
            mmap(nullptr, sizeof(double), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~ExecTime() { munmap(time_, sizeof(double)); }
  ExecTime(const ExecTime&) = delete;
  ExecTime& operator=(const ExecTime&) = delete;
  std::function<void()> note() const {
    return [time = time_] { *time = now(); };
  }
  double get() const { return *time_; }

 private:
  double* time_;
};

// The n-th time that the app has written.
double time_in(const std::string& log, std::size_t n = 0) {
  std::int64_t nanoseconds = 0;
  if (log.size() < (n + 1) * sizeof(nanoseconds)) throw std::runtime_error("no time from the command: " + log);
  std::memcpy(&nanoseconds, log.data() + n * sizeof(nanoseconds), sizeof(nanoseconds));
  return static_cast<double>(nanoseconds) / 1e3;
}

void await(Box& box, const char* what, const std::function<bool()>& condition) {
  const double end = now() + 1e6 * std::chrono::duration<double>(kLimit).count();
  while (!condition()) {
    if (now() > end) throw std::runtime_error(std::string("not in time: ") + what + "\n" + box.log());
    poll(nullptr, 0, 0);
  }
}

void await_end(Box& box) {
  pollfd end{box.pidfd(), POLLIN, 0};
  if (poll(&end, 1, static_cast<int>(std::chrono::milliseconds(kLimit).count())) != 1)
    throw std::runtime_error("it does not end");
}

BoxOptions options_of(const Program& program, const Strings& command) {
  BoxOptions options;
  options.command = {program.path};
  options.command.insert(options.command.end(), program.arguments.begin(), program.arguments.end());
  options.command.push_back("/bin/app");
  options.command.insert(options.command.end(), command.begin(), command.end());
  return options;
}

class Measurement {
 public:
  Measurement(Workshop& workshop, const TimesRequest& request) : workshop_(workshop), request_(request) {}

  std::vector<Sample> all() {
    for (int run = 0; run < request_.runs; ++run) {
      std::fprintf(stderr, "run %d of %d\n", run + 1, request_.runs);
      for (const Program& program : request_.programs) {
        start_and_end(program);
        if (run % 5 == 0) signals(program);
        if (run % 5 == 0) orphans(program, "stream");
        if (run % 5 == 0) orphans(program, "burst");
      }
      if (run % 3 == 0) {
        for (const int count : {1, 10, 100, 1000}) services(count);
        captured_output();
      }
    }
    std::vector<Sample> samples;
    for (auto& [key, values] : values_) samples.push_back({key.first, key.second, values});
    return samples;
  }

 private:
  void add(const std::string& figure, const std::string& program, double value) {
    values_[{figure, program}].push_back(value);
  }

  std::string contents(const std::string& file) {
    std::string& text = files_[file];
    if (text.empty()) text = read_file(file);
    return text;
  }

  void put(Box& box, const Program& program) { box.file(program.path, contents(program.file), 0755); }

  // From exec to the command's main; from the command's end to that of the container.
  void start_and_end(const Program& program) {
    Box box(workshop_);
    put(box, program);
    ExecTime exec;
    BoxOptions options = options_of(program, {"clock"});
    options.last_step = exec.note();
    box.start(options);
    await_end(box);
    const double end = now();
    box.read_log();
    const double command = time_in(box.log());
    add("1 start of one command, us", program.name, command - exec.get());
    add("2 end after the command's, us", program.name, end - command);
  }

  // From kill(2) to the command's handler.
  void signals(const Program& program) {
    constexpr int kSignals = 50;
    Box box(workshop_);
    put(box, program);
    box.start(options_of(program, {"echo"}));
    await(box, "the command runs", [&] { return !box.log().empty(); });
    for (std::size_t i = 0; i < kSignals; ++i) {
      const double sent = now();
      box.signal(SIGUSR1);
      await(box, "the signal arrives", [&] { return box.log().size() >= 1 + (i + 1) * 8; });
      add("3 a signal on its way, us", program.name, time_in(box.log().substr(1), i) - sent);
    }
  }

  // Processor time of PID 1 for each.
  void orphans(const Program& program, const std::string& how) {
    constexpr int kOrphans = 2000;
    Box box(workshop_);
    put(box, program);
    box.start(options_of(program, {how, std::to_string(kOrphans)}));
    await(box, "the orphans have ended", [&] { return !box.log().empty() && children_of(box.pid()).size() <= 1; });
    std::istringstream schedstat(read_file("/proc/" + std::to_string(box.pid()) + "/schedstat"));
    double ran = 0;  // nanoseconds
    schedstat >> ran;
    add("4 processor time for an orphan, " + how + ", us", program.name, ran / 1e3 / kOrphans);
  }

  void services(int count) {
    const std::string n = std::to_string(count);
    std::ostringstream toml;
    for (int i = 0; i < count; ++i) toml << "[service.s" << i << "]\ncommand = [\"/bin/app\", \"up\"]\n";
    const Strings kinds{"cinit", "floor, vfork one by one", "floor, clone that is not waited for"};
    for (const std::string& kind : kinds) {
      Box box(workshop_);
      BoxOptions options;
      if (kind == "cinit") {
        box.file("/etc/cinit.toml", toml.str());
        options.command = {"/sbin/cinit"};
      } else {
        box.file("/bin/floor", contents(request_.floor), 0755);
        options.command = {"/bin/floor", kind == kinds[1] ? "-v" : "-c", n, "/bin/app", "up"};
      }
      ExecTime exec;
      options.last_step = exec.note();
      box.start(options);
      await(box, "all are up", [&] { return count_of(box.log(), "\1") >= static_cast<std::size_t>(count); });
      add("5 start of " + n + " services, ms", kind, (now() - exec.get()) / 1e3);
      const double told = now();
      box.signal(SIGTERM);
      await_end(box);
      add("6 stop of " + n + " services, ms", kind, (now() - told) / 1e3);
    }
  }

  // 100 MB of lines through cinit, with a name in front, and through a pipe.
  void captured_output() {
    constexpr int kLines = 1'000'000;
    constexpr double kMegabytes = kLines * 100 / 1e6;
    const std::string command = "[\"/bin/app\", \"flood\", \"" + std::to_string(kLines) + "\"]";
    Box box(workshop_);
    box.file("/etc/cinit.toml",
             "[cinit]\nlog-prefix = \"name\"\n[service.flood]\ntype = \"oneshot\"\ncommand = " + command + "\n");
    BoxOptions options;
    const int null = static_cast<int>(checked(open("/dev/null", O_WRONLY | O_CLOEXEC), "/dev/null"));
    options.out = null;
    ExecTime exec;
    options.last_step = exec.note();
    box.start(options);
    close(null);
    await_end(box);
    add("7 captured output, MB/s", "cinit", kMegabytes / ((now() - exec.get()) / 1e6));
    const std::string shell = "/bin/app flood " + std::to_string(kLines) + " | /bin/busybox cat >/dev/null";
    Box other(workshop_);
    other.file("/bin/busybox", contents("/bin/busybox"), 0755);
    BoxOptions pipe;
    pipe.command = {"/bin/busybox", "sh", "-c", shell};
    ExecTime begun;
    pipe.last_step = begun.note();
    other.start(pipe);
    await_end(other);
    add("7 captured output, MB/s", "a pipe and cat", kMegabytes / ((now() - begun.get()) / 1e6));
  }

  Workshop& workshop_;
  const TimesRequest& request_;
  std::map<std::string, std::string> files_;
  std::map<std::pair<std::string, std::string>, std::vector<double>> values_;
};

}  // namespace

std::vector<Sample> measure_times(Workshop& workshop, const TimesRequest& request) {
  return Measurement(workshop, request).all();
}

}  // namespace cinit::bench
