// Part (d): a program that does everything its user may, while services of that user and of root start, crash, are probed,
// put their logs aside, and stop. See app/adversary.cpp for what it does.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "answers.hpp"
#include "control.hpp"
#include "process.hpp"
#include "rows.hpp"

namespace cinit::reliability {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr const char* kShadow = "root:*:19000:0:99999:7:::\n";

struct Attack {
  std::string acts;       // "all", or a list
  bool own_user = false;  // PID 1 is the adversary's user, too
  bool mild = false;      // PID 1 itself may be hurt: the kernel allows it by the user alone
  std::uint64_t seed = 1;
  Duration span{};
};

std::string configuration(const Attack& attack) {
  const std::string user = "user = \"app\"\n";
  const std::string acts = "adversary adversary " + std::to_string(attack.seed) + " " + attack.acts +
                           (attack.own_user && !attack.mild ? " spare" : "");
  return R"([cinit]
log-prefix = "name"
stop-timeout = "2s"
control-socket = ")" +
         std::string(attack.own_user ? "/tmp/cinit.sock" : "/run/cinit.sock") + R"("
[defaults]
restart = "always"
restart-delay = "20ms"
restart-max-delay = "100ms"
start-limit-burst = 0
on-failure = "ignore"

[service.root]
command = "/bin/app service root"
health = { exec = "/bin/app mark probe-of-root", interval = "100ms", timeout = "2s" }

[service.adversary]
command = "/bin/app )" +
         acts + "\"\nready = \"notify\"\nstart-timeout = 0\nlimits = { nproc = 2000 }\n" + user + R"(
[service.victim]
command = "/home/app/bin/prog service victim talk"
working-dir = "/home/app/wd"
stdout = "file:/home/app/log/out.log"
log-max-size = "1KB"
env-file = "-/home/app/env"
health = { exec = "/home/app/bin/probe mark probe-of-victim", interval = "50ms", timeout = "300ms" }
)" + user +
         R"(
[service.notifier]
command = "/bin/app service notifier notify"
ready = "notify"
pre-start = ["/home/app/bin/probe mark pre-start"]
)" + user;
}

class Trial {
 public:
  Trial(const Setting& setting, const Attack& attack) : setting_(setting), attack_(attack), box_(setting.workshop) {}

  Outcome run() {
    furnish();
    BoxOptions options;
    if (attack_.own_user) options.user = 1000;
    box_.start(options);
    const std::string socket = box_.inside(attack_.own_user ? "/tmp/cinit.sock" : "/run/cinit.sock");
    const bool started =
        wait_until([&] { return box_.read_log(), box_.has_ended() || (starts("root") > 0 && starts("adversary") > 0); },
                   setting_.limit(4s));
    // Among processes of its own user the adversary may keep others from being started.
    if (!attack_.own_user) outcome_.require_in_time(started, "the services were not started");
    {
      Answers answers(socket);
      live_beside(answers, socket);
      outcome_.note(answers.summary());
      if (!attack_.mild && !answers.failure().empty()) outcome_.fail(answers.failure());
    }
    stop();
    judge_files();
    box_.read_rest_of_log();
    outcome_.evidence = box_.log().substr(0, 200000);
    return outcome_;
  }

 private:
  void furnish() {
    box_.file("/etc/cinit.toml", configuration(attack_)).file("/etc/shadow", kShadow, 0600).directory("/etc/cron.d", 0);
    for (const char* name : {"", "/log", "/wd", "/bin"}) box_.directory(std::string("/home/app") + name, 1000);
    const std::string program = read_file(setting_.workshop.base() + "/bin/app");
    for (const char* name : {"/home/app/bin/prog", "/home/app/bin/probe"})
      box_.file(name, program, 0755).owner(name, 1000);
    box_.file("/home/app/env", "FROM_FILE=yes\n").owner("/home/app/env", 1000);
  }

  std::size_t starts(const std::string& name) const { return split_lines(read_file(box_.shared(name + ".up"))).size(); }

  void kill_root_service() {
    const Strings lines = split_lines(read_file(box_.shared("root.up")));
    if (lines.empty()) return;
    starts_at_kill_ = lines.size();
    if (const auto pid = find_child(box_.pid(), std::atoi(lines.back().c_str()))) kill(*pid, SIGKILL);
    killed_at_ = Clock::now();
  }

  // Root's service has to come back after each of our blows.
  void look_after_root_service() {
    if (starts("root") > starts_at_kill_) {
      if (Clock::now() - killed_at_ > 200ms) kill_root_service();
      return;
    }
    if (Clock::now() - killed_at_ < setting_.limit(1500ms) || told_ || attack_.mild || attack_.own_user) return;
    outcome_.fail_late("root's service was not started again " +
                       std::to_string(static_cast<int>(milliseconds(Clock::now() - killed_at_))) +
                       " ms after it was killed");
    told_ = true;
  }

  void live_beside(Answers& answers, const std::string& socket) {
    const Clock::time_point end = Clock::now() + attack_.span;
    for (int round = 0; Clock::now() < end && !box_.has_ended(); ++round) {
      const Clock::time_point next = Clock::now() + 20ms;
      answers.ask_both();
      look_after_root_service();
      // Starts are what is attacked most; and what has failed for good is begun again.
      if (round % 20 == 19) ask(socket, "restart --no-wait notifier", 1s);
      if (round % 10 == 9) ask(socket, "start --no-wait victim notifier adversary", 1s);
      wait_until([&] { return box_.read_log(), Clock::now() >= next; }, 1s);
    }
    if (box_.has_ended() && !attack_.mild) outcome_.fail("PID 1 has ended");
  }

  void stop() {
    const Clock::time_point begin = Clock::now();
    box_.signal(SIGTERM);
    const auto status = box_.wait_end(setting_.limit(2800ms));
    const int took = static_cast<int>(milliseconds(Clock::now() - begin));
    outcome_.note("stop " + std::to_string(took) + " ms");
    if (attack_.mild) return;
    outcome_.require_in_time(status.has_value(), "the stop is not over after " + std::to_string(took) +
                                                     " ms of 2000 (state " + status_of(box_.pid(), "State") + ", in " +
                                                     read_file("/proc/" + std::to_string(box_.pid()) + "/wchan") + ")");
    if (status)
      outcome_.require(code_of(*status) == 0 || code_of(*status) == 137,
                       "exit code " + std::to_string(code_of(*status)));
  }

  // What is not the adversary's is as it was, and nothing of it has become its own.
  void judge_files() {
    const Strings breaches = split_lines(read_file(box_.shared("breach")));
    for (const std::string& breach : std::set<std::string>(breaches.begin(), breaches.end()))
      outcome_.fail("breach: " + breach);
    const std::string upper = box_.layer();
    outcome_.require(read_file(upper + "/etc/shadow") == kShadow, "/etc/shadow was changed");
    outcome_.require(fs::is_empty(upper + "/etc/cron.d"), "there is something in /etc/cron.d");
    for (auto at = fs::recursive_directory_iterator(upper); at != fs::recursive_directory_iterator(); ++at) {
      const std::string path = at->path().string().substr(upper.size());
      struct stat status {};
      if (lstat(at->path().c_str(), &status) != 0) continue;
      outcome_.require(status.st_uid == 0 || attack_.own_user,
                       path + " belongs to user " + std::to_string(status.st_uid));
    }
    if (attack_.own_user) return;
    for (const char* name : {"victim", "notifier"}) {
      for (const std::string& line : split_lines(read_file(box_.shared(name + std::string(".up"))))) {
        const std::string identity = line.substr(std::min(line.find(' ') + 1, line.size()));
        if (!identity.starts_with("1000/1000:1000 [44,1000]"))
          return outcome_.fail(std::string(name) + " ran as " + identity);
      }
    }
  }

  const Setting& setting_;
  const Attack& attack_;
  Box box_;
  Outcome outcome_;
  Clock::time_point killed_at_{};
  std::size_t starts_at_kill_ = 0;
  bool told_ = false;
};

// With PID 1 as root all of them; with PID 1 as the same user those for which that makes a difference.
struct Acts {
  const char* list;
  bool own_user_too = false;
  bool rare = false;  // it needs some time until it hits
};

constexpr Acts kActs[] = {{"stop,stop-newcomers", true},
                          {"signal", true},
                          {"signal-all"},
                          {"trace", true},
                          {"lease", true, true},
                          {"exchange", false, true},
                          {"log-link", false, true},
                          {"replace"},
                          {"fifo", true, true},
                          {"notify"},
                          {"passengers", true},
                          {"control"},
                          {"terminal", true},
                          {"limits", true},
                          {"scheduler", true},
                          {"memory,forks"},
                          {"proc", true},
                          {"pipes"},
                          {"modes"}};

bool is_about_pid_1(const std::string& acts) { return acts == "limits" || acts == "scheduler" || acts == "signal"; }

}  // namespace

std::vector<Row> adversary_rows(const Setting& setting) {
  static std::vector<Attack> attacks;
  const int rounds = setting.soak ? 20 : 2;
  for (const bool own_user : {false, true}) {
    for (int i = 0; i < rounds; ++i) {
      attacks.push_back(
          {"all", own_user, false, setting.seed + static_cast<std::uint64_t>(i), setting.soak ? 30s : 6s});
    }
    for (const Acts& acts : kActs) {
      if (own_user && !acts.own_user_too) continue;
      attacks.push_back({acts.list, own_user, false, setting.seed, setting.soak ? 20s : acts.rare ? 4s : 2s});
      if (own_user && is_about_pid_1(acts.list)) attacks.push_back({acts.list, own_user, true, setting.seed, 2s});
    }
  }
  std::vector<Row> rows;
  for (const Attack& attack : attacks) {
    const std::string who = attack.own_user ? "PID 1 of the same user" : "PID 1 is root";
    const std::string name =
        attack.acts + ", seed " + std::to_string(attack.seed) + ", " + who + (attack.mild ? ", also at PID 1" : "");
    rows.push_back({"adversary", attack.acts + ", " + who + (attack.mild ? ", also at PID 1" : ""), name,
                    [&attack](const Setting& now) { return Trial(now, attack).run(); }, 3, false, 120s});
  }
  return rows;
}

}  // namespace cinit::reliability
