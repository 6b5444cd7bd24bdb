#include "story.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <filesystem>
#include <thread>

#include "control.hpp"
#include "process.hpp"

namespace cinit::reliability {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr Duration kStopTimeout = 1s;

constexpr const char* kConfiguration = R"(
[cinit]
log-prefix = "name"
stop-timeout = "1s"

[hooks]
post-start = ["/bin/app mark post-start"]
post-stop = ["/bin/app mark post-stop"]

[defaults]
restart-delay = "20ms"
restart-max-delay = "200ms"

[service.plain]
command = "/bin/app service plain"
restart = "always"

[service.user]
command = "/bin/app service user speak 3000"
user = "app"
working-dir = "/home/app"
env-file = "/home/app/env"
stdout = "file:/home/app/log/out.log"
log-max-size = "1KB"
umask = "0027"
limits = { nofile = 300 }
pre-start = ["/bin/app mark pre-start"]
post-stop = ["/bin/app mark post-stop-of-user"]

[service.notify]
command = "/bin/app service notify notify"
user = "1000"
ready = "notify"

[service.tcp]
command = "/bin/app service tcp listen 80"
ready = { tcp = "127.0.0.1:80", interval = "20ms" }

[service.fd]
command = "/bin/app service fd fd 3"
ready = { fd = 3 }

[service.log]
command = "/bin/app service log say works"
ready = { log = "works" }

[service.probed]
command = "/bin/app service probed"
user = "app"
group = "video"
health = { exec = "/bin/app mark probe", interval = "100ms", timeout = "2s" }

[service.once]
command = "/bin/app mark once"
type = "oneshot"

[service.last]
command = "/bin/app service last"
requires = ["plain", "user", "notify", "tcp", "fd", "log", "probed", "once"]
)";

struct Told {
  const char* name;
  const char* identity;  // what of the line in NAME.up must be so
};

constexpr Told kServices[] = {
    {"plain", "0/0:0 [] nofile"},
    {"user", "1000/1000:1000 [44,1000] nofile=300 umask=23 cwd=/home/app HOME=/home/app FILE=yes"},
    {"notify", "1000/1000:1000 [44,1000] nofile"},
    {"tcp", "0/0:0 [] nofile"},
    {"fd", "0/0:0 [] nofile"},
    {"log", "0/0:0 [] nofile"},
    {"probed", "1000/1000:44 [44] nofile"},
    {"last", "0/0:0 [] nofile"},
    {"sd", "0/0:0 [] nofile"},
    {"sd.log", "0/0:0 [] nofile"},
};

void furnish(Box& box) {
  box.file("/etc/cinit.toml", kConfiguration)
      .file("/etc/my_init.d/10-hook", "#!/bin/app hook\n", 0755)
      .file("/etc/container_environment/FROM_DIRECTORY", "yes\n")
      .file("/etc/service/sd/run", "#!/bin/app service\n", 0755)
      .file("/etc/service/sd/log/run", "#!/bin/app logger\n", 0755)
      .file("/home/app/env", "FROM_FILE=yes\n")
      .directory("/home/app", 1000)
      .directory("/home/app/log", 1000);
}

// The one who lives through it from outside, while another thread traces PID 1.
class Visitor {
 public:
  Visitor(const Setting& setting, const StoryOptions& options, Box& box, const Tracer* tracer, StoryEnd& end)
      : setting_(setting), options_(options), box_(box), tracer_(tracer), end_(end) {}

  void visit() {
    boot();
    add_directory();  // which is noticed within a second
    crash();
    probe();
    request();
    expect_directory();
    be_quiet();
    stop();
  }

 private:
  std::size_t lines(const std::string& name) const { return split_lines(read_file(box_.shared(name))).size(); }
  bool over() const { return box_.has_ended(); }

  // Waits for what has to come. What does not come is lost.
  bool expect(const std::string& what, Duration limit, const std::function<bool()>& condition) {
    // When much is lost already, there is little hope for the rest.
    const Duration hope = end_.losses.size() < 3 ? limit : std::min<Duration>(limit, 200ms);
    const Duration patience = std::chrono::duration_cast<Duration>(setting_.limit(hope) * options_.patience);
    bool came = false;
    wait_until([&] { return box_.read_log(), came = condition(), came || over(); }, patience);
    if (!came) end_.losses.push_back(what);
    return came;
  }

  void boot() {
    const Clock::time_point begin = Clock::now();
    Strings names{"hook", "once", "pre-start", "last.up", "post-start"};
    for (const Told& service : kServices) names.push_back(std::string(service.name) + ".up");
    for (const std::string& name : names) {
      expect("boot: " + name, end_.losses.empty() ? 1s : 40ms, [&] { return lines(name) > 0; });
    }
    end_.boot = Clock::now() - begin;
  }

  // Ends what runs as `name`, from outside.
  void kill_service(const std::string& name) {
    const Strings starts = split_lines(read_file(box_.shared(name + ".up")));
    if (starts.empty() || over()) return;
    if (const auto pid = find_child(box_.pid(), std::atoi(starts.back().c_str()))) kill(*pid, SIGKILL);
  }

  void crash() {
    for (const char* name : {"plain", "user"}) {
      const std::size_t before = lines(std::string(name) + ".up");
      if (before == 0 || over()) continue;
      kill_service(name);
      expect(std::string("restart: ") + name, 1s, [&] { return lines(std::string(name) + ".up") > before; });
    }
  }

  void probe() {
    if (over() || lines("probed.up") == 0) return;
    const std::size_t before = lines("probe");
    expect("health: probed", 1s, [&] { return lines("probe") > before; });
  }

  void request() {
    if (over()) return;
    const std::string socket = box_.inside("/run/cinit.sock");
    Clock::time_point next = Clock::now();
    expect("control: status", 1s, [&] {
      if (Clock::now() < next) return false;
      next = Clock::now() + 100ms;
      const std::string answer = ask(socket, "status", setting_.limit(500ms));
      return answer.find("plain") != std::string::npos && answer.find("end 0") != std::string::npos;
    });
  }

  void add_directory() {
    if (over()) return;
    try {
      write_file(box_.inside("/etc/late/run"), "#!/bin/app service\n", 0755);
      fs::rename(box_.inside("/etc/late"), box_.inside("/etc/service/late"));
    } catch (const std::exception&) {
      return;  // it has ended meanwhile
    }
    added_ = true;
  }

  void expect_directory() {
    // At the latest after 5 s, which the second attempt of a row waits for.
    if (added_ && !over()) expect("directories: late", 2100ms, [&] { return lines("late.up") > 0; });
  }

  void be_quiet() {
    if (over()) return;
    end_.processor_time = effort_of(box_.pid()).processor_time;
    // What comes late is no quiet. Without end it is still too many calls in all.
    if (tracer_ == nullptr || !end_.losses.empty()) return;
    const long before = tracer_->calls();
    wait_until([&] { return box_.read_log(), over(); }, kQuiet);
    end_.quiet_calls = tracer_->calls() - before;
  }

  void stop() {
    const Clock::time_point begin = Clock::now();
    end_.asked_to_stop = !over();
    box_.signal(SIGTERM);
    const Duration patience =
        std::chrono::duration_cast<Duration>(setting_.limit(kStopTimeout + 700ms) * options_.patience);
    const bool ended = wait_until([&] { return box_.read_log(), over(); }, patience);
    end_.stop = Clock::now() - begin;
    if (!ended) {
      end_.wrongs.push_back("the stop is not over after " + std::to_string(static_cast<int>(milliseconds(end_.stop))) +
                            " ms of " + std::to_string(static_cast<int>(milliseconds(kStopTimeout))) + " (state " +
                            status_of(box_.pid(), "State") + ")");
      hung_ = true;
      box_.kill_all();
    }
    judge_files();
  }

  void judge_files() {
    for (const Told& service : kServices) {
      for (const std::string& line : split_lines(read_file(box_.shared(service.name + std::string(".up"))))) {
        const std::string identity = line.substr(std::min(line.find(' ') + 1, line.size()));
        if (identity.starts_with(service.identity)) continue;
        end_.wrongs.push_back(std::string(service.name) + " ran as something else: " + identity);
      }
    }
    if (end_.asked_to_stop && !hung_ && end_.losses.empty()) {
      for (const Told& service : kServices) {
        if (lines(std::string(service.name) + ".down") == 0) {
          end_.losses.push_back(std::string("stop: ") + service.name + " was not asked to end");
        }
      }
      if (lines("post-stop") == 0) end_.losses.push_back("stop: post-stop");
    }
  }

  const Setting& setting_;
  const StoryOptions& options_;
  Box& box_;
  const Tracer* tracer_;
  StoryEnd& end_;
  bool added_ = false;
  bool hung_ = false;
};

}  // namespace

StoryEnd live(const Setting& setting, const StoryOptions& options) {
  StoryEnd end;
  Box box(setting.workshop);
  furnish(box);
  BoxOptions box_options = options.box;
  box_options.traced = options.decide != nullptr;
  box.start(box_options);
  if (!options.decide) {
    Visitor(setting, options, box, nullptr, end).visit();
    end.status = box.wait_end(5s);
    box.read_rest_of_log();
    end.log = box.log();
    return end;
  }
  Tracer tracer(box.pid(), options.decide, options.most_calls);
  box.release();
  std::exception_ptr failure;
  std::thread visitor([&] {
    try {
      Visitor(setting, options, box, &tracer, end).visit();
    } catch (...) {
      failure = std::current_exception();
      box.kill_all();
    }
  });
  end.status = tracer.run();
  visitor.join();
  if (failure) std::rethrow_exception(failure);
  box.read_rest_of_log();
  end.log = box.log();
  end.fault = tracer.fault();
  end.calls = tracer.calls();
  end.counts = tracer.counts();
  return end;
}

std::set<std::string> kinds_of_lines(const std::string& log) {
  std::set<std::string> kinds;
  for (const std::string& line : split_lines(log)) {
    std::string kind;
    for (const char c : line) {
      if (c >= '0' && c <= '9') continue;
      kind += c;
    }
    kinds.insert(kind);
  }
  return kinds;
}

}  // namespace cinit::reliability
