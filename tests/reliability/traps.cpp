// What a user has laid in the way of root before it starts: links, FIFOs, odd numbers, children that become root. The
// deterministic side of the adversary.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "control.hpp"
#include "process.hpp"
#include "rows.hpp"

namespace cinit::reliability {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr const char* kShadow = "root:*:19000:0:99999:7:::\n";

struct Trap {
  const char* name;
  const char* configuration;
  void (*lay)(Box&, const std::string& program);  // `program` is the text of /bin/app
  void (*go_on)(const Box&) = nullptr;            // once it runs; it then takes some seconds
  bool own_user = false;                          // PID 1 is the user, too
  bool must_be_said = false;                      // that the service "victim" does not run, if it does not
  bool must_run = false;
  bool must_restart = false;
};

void make_fifo(const Box& box, const std::string& path) {
  checked(mkfifo(box.before_start(path).c_str(), 0666), "mkfifo");
  checked(chown(box.before_start(path).c_str(), 1000, 1000), "chown");
}

void log_is_link(Box& box, const std::string&) { box.link("/etc/shadow", "/home/app/log/out.log"); }
void log_is_dangling(Box& box, const std::string&) { box.link("/etc/cron.d/x", "/home/app/log/out.log"); }
void rotated_is_link(Box& box, const std::string&) {
  for (const char* name : {"1", "2", "3"}) box.link("/etc/shadow", std::string("/home/app/log/out.log.") + name);
}
void log_directory_is_link(Box& box, const std::string&) { box.link("/etc/cron.d", "/home/app/logs"); }
void log_is_hard_link(Box& box, const std::string&) {
  box.file("/home/app/log/root-file", kShadow, 0600);
  fs::create_hard_link(box.before_start("/home/app/log/root-file"), box.before_start("/home/app/log/out.log"));
}
void log_is_fifo(Box& box, const std::string&) { make_fifo(box, "/home/app/log/out.log"); }
void environment_is_fifo(Box& box, const std::string&) { make_fifo(box, "/home/app/env"); }
void environment_is_shadow(Box& box, const std::string&) { box.link("/etc/shadow", "/home/app/env"); }
void environment_is_endless(Box& box, const std::string&) { box.link("/dev/zero", "/home/app/env"); }
void program_is_fifo(Box& box, const std::string&) { make_fifo(box, "/home/app/prog"); }
void interpreter_is_fifo(Box& box, const std::string&) {
  make_fifo(box, "/home/app/fifo");
  box.file("/home/app/prog", "#!/home/app/fifo\n", 0755);
}
void directory_is_link(Box& box, const std::string&) { box.link("/root", "/home/app/wd"); }
void ready_file_is_fifo(Box& box, const std::string&) { make_fifo(box, "/home/app/ready"); }

void uid_of_all_ones(Box& box, const std::string&) {
  box.file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nodd:x:4294967295:1000::/:/bin/sh\n");
}
void gid_of_all_ones(Box& box, const std::string&) {
  box.file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nodd:x:1000:4294967295::/:/bin/sh\n");
}

// A service directory whose ./run fails at once, with a supervise/ that is the user's and full of links.
void lay_supervise(Box& box, const std::string& service, bool with_lock) {
  box.file(service + "/run", "#!/bin/app fail\n", 0755).directory(service + "/supervise", 1000);
  for (const char* name :
       {"death_tally", "status", "pid", "stat", "status.new", "pid.new", "stat.new", "death_tally.new"}) {
    box.link("/etc/shadow", service + "/supervise/" + name);
  }
  if (with_lock) box.link("/etc/shadow", service + "/supervise/lock");
}

void supervise_of_runit(Box& box, const std::string&) { lay_supervise(box, "/etc/service/sd", false); }
void supervise_of_runit_with_lock(Box& box, const std::string&) { lay_supervise(box, "/etc/service/sd", true); }
void service_of_s6(Box& box, const std::string&) { box.file("/etc/services.d/sd/run", "#!/bin/app fail\n", 0755); }

// The directory is made by PID 1 in /run/s6/services, and given to the user as images do, so that s6-svc works for it.
void take_supervise(const Box& box) {
  const std::string place = box.inside("/run/s6/services/sd/supervise");
  wait_until([&] { return fs::exists(place); }, 1s);
  checked(chown(place.c_str(), 1000, 1000), "chown of supervise/");
  for (const char* name : {"death_tally", "status", "death_tally.new", "status.new"}) {
    fs::remove(place + "/" + name);
    fs::create_symlink("/etc/shadow", place + "/" + name);
  }
}

void child_of_root(Box& box, const std::string& program) {
  box.file("/bin/suid", program, 0755);
  checked(chmod(box.before_start("/bin/suid").c_str(), 04755), "chmod");
}

constexpr const char* kLog =
    "[service.victim]\ncommand = \"/bin/app service victim speak 5000\"\nuser = \"app\"\nstdout = "
    "\"file:/home/app/log/out.log\"\n"
    "log-max-size = \"1KB\"\n";
constexpr const char* kLogBelowLink =
    "[service.victim]\ncommand = \"/bin/app service victim speak 5000\"\nuser = \"app\"\nstdout = "
    "\"file:/home/app/logs/out.log\"\n"
    "log-max-size = \"1KB\"\n";
constexpr const char* kLogWithoutRotation =
    "[service.victim]\ncommand = \"/bin/app service victim speak 5000\"\nuser = \"app\"\nstdout = "
    "\"file:/home/app/log/out.log\"\n"
    "log-max-size = 0\n";
constexpr const char* kEnvironment =
    "[service.victim]\ncommand = \"/bin/app service victim\"\nuser = \"app\"\nenv-file = \"-/home/app/env\"\n";
constexpr const char* kProgram = "[service.victim]\ncommand = \"/home/app/prog\"\nuser = \"app\"\n";
constexpr const char* kProbe =
    "[service.victim]\ncommand = \"/bin/app service victim\"\nuser = \"app\"\n"
    "health = { exec = \"/home/app/prog\", interval = \"50ms\", timeout = \"500ms\" }\n";
constexpr const char* kDirectory =
    "[service.victim]\ncommand = \"/bin/app service victim\"\nuser = \"app\"\nworking-dir = \"/home/app/wd\"\n";
constexpr const char* kReady =
    "[service.victim]\ncommand = \"/bin/app service victim\"\nuser = \"app\"\nready = { file = \"/home/app/ready\" }\n";
constexpr const char* kOdd = "[service.victim]\ncommand = \"/bin/app service victim\"\nuser = \"odd\"\n";
constexpr const char* kChild = "[service.victim]\ncommand = \"/bin/app with-root-child victim\"\n";

constexpr Trap kTraps[] = {
    {"the log file is a link to a file of root's", kLog, log_is_link},
    {"the log file is a link, without rotation", kLogWithoutRotation, log_is_link},
    {"the log file is a link to nothing", kLog, log_is_dangling},
    {"the log file is a link to nothing, without rotation", kLogWithoutRotation, log_is_dangling},
    {"the files put aside are links", kLog, rotated_is_link},
    {"the log directory is a link", kLogBelowLink, log_directory_is_link},
    {"the log file is a file of root's by a hard link", kLog, log_is_hard_link},
    {"the log file is a FIFO", kLog, log_is_fifo},
    {"the environment file is a FIFO", kEnvironment, environment_is_fifo},
    {"the environment file is a file of root's", kEnvironment, environment_is_shadow},
    {"the environment file is endless", kEnvironment, environment_is_endless},
    {"the program is a FIFO", kProgram, program_is_fifo},
    {"the interpreter is a FIFO", kProgram, interpreter_is_fifo},
    {"the probe's interpreter is a FIFO", kProbe, interpreter_is_fifo},
    {"the working directory is a link to root's", kDirectory, directory_is_link},
    {"the file that says ready is a FIFO", kReady, ready_file_is_fifo, nullptr, false, false, true},
    {"uid 4294967295", kOdd, uid_of_all_ones, nullptr, false, true},
    {"gid 4294967295", kOdd, gid_of_all_ones, nullptr, false, true},
    {"supervise/ of runit belongs to the user, and holds links", "", supervise_of_runit},
    {"supervise/ of runit belongs to the user, also its lock is a link", "", supervise_of_runit_with_lock},
    {"supervise/ of s6 belongs to the user, and holds links", "", service_of_s6, take_supervise},
    {"a child that has become root, and PID 1 has not", kChild, child_of_root, nullptr, true, false, false, true},
};

class Trial {
 public:
  Trial(const Setting& setting, const Trap& trap) : setting_(setting), trap_(trap), box_(setting.workshop) {}

  Outcome run() {
    furnish();
    BoxOptions options;
    if (trap_.own_user) options.user = 1000;
    box_.start(options);
    outcome_.require_in_time(wait_until([&] { return box_.read_log(), starts("root") > 0; }, setting_.limit(2s)),
                             "root's service was not started");
    watch();
    stop();
    box_.read_rest_of_log();
    judge();
    outcome_.evidence = box_.log();
    return outcome_;
  }

 private:
  void furnish() {
    const std::string program = read_file(setting_.workshop.base() + "/bin/app");
    box_.file("/etc/shadow", kShadow, 0600).directory("/etc/cron.d", 0);
    box_.directory("/home/app", 1000).directory("/home/app/log", 1000);
    box_.file(
        "/etc/cinit.toml",
        "[cinit]\nstop-timeout = \"1s\"\ncontrol-socket = \"/tmp/cinit.sock\"\n[defaults]\nrestart = \"always\"\n"
        "restart-delay = \"20ms\"\nrestart-max-delay = \"100ms\"\nstart-limit-burst = 0\non-failure = \"ignore\"\n"
        "[service.root]\ncommand = \"/bin/app service root\"\n" +
            std::string(trap_.configuration));
    trap_.lay(box_, program);
  }

  std::size_t starts(const std::string& name) const { return split_lines(read_file(box_.shared(name + ".up"))).size(); }

  // For as long as a trap needs to close: a few restarts, probes, rotations. PID 1 answers meanwhile.
  void watch() {
    const Clock::time_point end = Clock::now() + how_long();
    bool answered = false;
    if (trap_.go_on != nullptr) trap_.go_on(box_);
    while (Clock::now() < end && !box_.has_ended()) {
      answered = ask(box_.inside("/tmp/cinit.sock"), "status", setting_.limit(1s)).find("root") != std::string::npos;
      if (!answered || (trap_.must_restart && starts("victim") > 1)) break;
      kill_services();
      wait_until([&] { return box_.read_log(), box_.has_ended(); }, 100ms);
    }
    outcome_.require(answered, "PID 1 does not answer (state " + status_of(box_.pid(), "State") + ", in " +
                                   read_file("/proc/" + std::to_string(box_.pid()) + "/wchan") + ")");
  }

  Duration how_long() const {
    // The time for a stop, and 5 s in which what has become root may still go.
    if (trap_.must_restart) return 9s;
    return trap_.go_on != nullptr ? 3s : 700ms;
  }

  void kill_services() {
    for (const char* name : {"root", "victim"}) {
      const Strings lines = split_lines(read_file(box_.shared(name + std::string(".up"))));
      if (lines.empty() || (trap_.must_restart && name == std::string_view("victim"))) continue;
      if (const auto pid = find_child(box_.pid(), std::atoi(lines.back().c_str()))) kill(*pid, SIGKILL);
    }
  }

  void stop() {
    const std::size_t begin_of_stop = box_.log().size();
    const Clock::time_point begin = Clock::now();
    box_.signal(SIGTERM);
    const auto status = box_.wait_end(setting_.limit(1700ms));
    outcome_.require_in_time(status.has_value(),
                             "the stop is not over after " +
                                 std::to_string(static_cast<int>(milliseconds(Clock::now() - begin))) +
                                 " ms of 1000 (state " + status_of(box_.pid(), "State") + ")");
    said_before_stop_ = box_.log().substr(0, begin_of_stop);
  }

  void judge() {
    const std::string layer = box_.layer();
    outcome_.require(read_file(layer + "/etc/shadow") == kShadow, "/etc/shadow was changed");
    outcome_.require(fs::is_empty(layer + "/etc/cron.d"), "there is something in /etc/cron.d");
    outcome_.require(
        read_file(box_.before_start("/home/app/log/root-file")).substr(0, 26) == std::string(kShadow).substr(0, 26) ||
            !fs::exists(box_.before_start("/home/app/log/root-file")),
        "root's file was changed");
    struct stat shadow {};
    if (lstat((layer + "/etc/shadow").c_str(), &shadow) != 0 || shadow.st_uid != 0 || (shadow.st_mode & 0777) != 0600) {
      outcome_.fail("/etc/shadow has another owner or mode");
    }
    for (const std::string& line : split_lines(read_file(box_.shared("victim.up")))) {
      if (line.find(" 0/0:") != std::string::npos) return outcome_.fail("the user's service ran as root: " + line);
      if (line.find("FILE=root") != std::string::npos) return outcome_.fail("the user has read /etc/shadow");
    }
    if (trap_.must_run) outcome_.require(starts("victim") > 0, "the service did not run");
    if (trap_.must_restart) outcome_.require(starts("victim") > 1, "the service was never started again");
    if (trap_.must_be_said) judge_words();
  }

  // What cannot work is said, or it works all the same.
  void judge_words() {
    const bool works = starts("victim") > 0;
    bool said = false;
    for (const std::string& line : split_lines(said_before_stop_)) {
      said = said || (line.find("cinit: victim") != std::string::npos && line.find("started") == std::string::npos &&
                      line.find("exited with code 3") == std::string::npos);
    }
    outcome_.require(works || said, "the service is lost, and nothing is said");
  }

  const Setting& setting_;
  const Trap& trap_;
  Box box_;
  Outcome outcome_;
  std::string said_before_stop_;
};

}  // namespace

std::vector<Row> trap_rows() {
  std::vector<Row> rows;
  for (const Trap& trap : kTraps) {
    rows.push_back({"traps", trap.name, trap.name,
                    [&trap](const Setting& setting) { return Trial(setting, trap).run(); }, 1, false});
  }
  return rows;
}

}  // namespace cinit::reliability
