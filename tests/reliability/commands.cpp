// Part (g): the loop for one command, as cinit and in the place of other inits, with every system call of it failing.
#include <sys/wait.h>

#include <csignal>
#include <exception>
#include <memory>
#include <thread>

#include "box.hpp"
#include "calls.hpp"
#include "expectations.hpp"
#include "process.hpp"
#include "rows.hpp"
#include "tracer.hpp"

namespace cinit::reliability {

namespace {

using namespace std::chrono_literals;

constexpr long kBusy = 400;  // calls in 100 ms

struct Init {
  const char* name;
  Strings command;
};

std::vector<Init> all_inits() {
  std::vector<Init> inits{{"cinit", {"/sbin/cinit", "--"}}};
  for (const char* name : {"tini", "dumb-init", "catatonit"}) {
    inits.push_back({name, {"/sbin/cinit", "--as", name, "--"}});
  }
  for (Init& init : inits) {
    for (const char* word : {"/bin/app", "service", "main"}) init.command.emplace_back(word);
  }
  return inits;
}

struct Life {
  std::optional<int> status;
  int fault = 0;
  bool started = false;
  bool told = false;  // the command got SIGTERM
  bool in_time = true;
  long quiet_calls = 0;
  std::map<std::string, int> counts;
  std::string log;
};

void visit(const Setting& setting, Box& box, const Tracer& tracer, Life& life) {
  const auto has = [&box](const char* file) { return !read_file(box.shared(file)).empty(); };
  const auto wait_for = [&](const std::function<bool()>& condition, Duration limit) {
    return wait_until([&] { return box.read_log(), condition() || box.has_ended(); }, setting.limit(limit));
  };
  wait_for([&] { return has("main.up"); }, 2s);
  life.started = has("main.up");
  // Without close_range(2) it closes thousands of numbers one by one, once.
  for (int i = 0; i < 5 && life.started && !box.has_ended() && (i == 0 || life.quiet_calls >= kBusy); ++i) {
    const long before = tracer.calls();
    wait_until([&] { return box.read_log(), box.has_ended(); }, 100ms);
    life.quiet_calls = tracer.calls() - before;
  }
  box.signal(SIGTERM);
  life.in_time = wait_for([&] { return false; }, 2s);
  life.told = has("main.down");
  if (!life.in_time) box.kill_all();
}

Life live(const Setting& setting, const Init& init, const Tracer::Decide& decide) {
  Life life;
  Box box(setting.workshop);
  BoxOptions options;
  options.command = init.command;
  options.traced = true;
  box.start(options);
  Tracer tracer(box.pid(), decide, 100'000);
  box.release();
  std::exception_ptr failure;
  std::thread visitor([&] {
    try {
      visit(setting, box, tracer, life);
    } catch (...) {
      failure = std::current_exception();
      box.kill_all();
    }
  });
  life.status = tracer.run();
  visitor.join();
  if (failure) std::rethrow_exception(failure);
  box.read_rest_of_log();
  life.log = box.log();
  life.fault = tracer.fault();
  life.counts = tracer.counts();
  return life;
}

struct Fault {
  std::string call, subject;
  int error;
  bool always;
};

// What the kernel never says for good: see can_last() of the faults.
bool can_last(int error) { return error != EINTR && error != EAGAIN; }

// What the kernel never says of a child that is there.
bool can_be(const std::string& call, int error) {
  return call != "kill" && !(error == ECHILD && call.starts_with("wait"));
}

void judge(const Fault& fault, const Life& life, bool came_first, Outcome& outcome) {
  const Excuse excuse = excuse_for(fault.call, fault.subject, fault.error, fault.always ? Mode::Always : Mode::Once);
  if (life.fault != 0 && excuse.death) return;
  if (life.fault != 0) outcome.fail("PID 1 died of signal " + std::to_string(life.fault));
  outcome.require(life.quiet_calls < kBusy, "busy: " + std::to_string(life.quiet_calls) + " calls in 100 ms of quiet");
  outcome.require(life.in_time, "it is not over 2 s after SIGTERM");
  const int code = life.status ? code_of(*life.status) : -1;
  if (life.started) {
    outcome.require(life.told, "its command did not get SIGTERM");
    return outcome.require(code == 0, "the command ran, and the exit code is " + std::to_string(code));
  }
  outcome.require(code != 0, "the command did not run, and the exit code is 0");
  outcome.require(!life.log.empty() || fault.call.starts_with("write"), "the command did not run, and nothing is said");
  // Before its command PID 1 may refuse to start.
  if (!came_first && !fault.always && passes(fault.error)) outcome.fail("one error that passes cost the command");
}

Outcome run(const Setting& setting, const Init& init, const Fault& fault) {
  Outcome outcome;
  int thrown = 0;
  bool came_first = false;
  const Life life = live(setting, init, [&](const PendingCall& call) {
    const bool is_meant = call.name == fault.call && call.subject == fault.subject && (fault.always || thrown == 0);
    if (!is_meant) return 0;
    if (thrown++ == 0) came_first = call.starts <= 1;
    return fault.error;
  });
  judge(fault, life, came_first, outcome);
  outcome.evidence = life.log;
  return outcome;
}

}  // namespace

std::vector<Row> command_rows(const Setting& setting) {
  std::vector<Row> rows;
  for (const Init& init : all_inits()) {
    const Life normal = live(setting, init, [](const PendingCall&) { return 0; });
    if (!normal.started || !normal.told || !normal.in_time) {
      throw std::runtime_error(std::string(init.name) + " does not work without faults: " + normal.log);
    }
    for (const auto& [key, count] : normal.counts) {
      const std::string call = key.substr(0, key.find('('));
      const std::string subject =
          key.size() > call.size() ? key.substr(call.size() + 1, key.size() - call.size() - 2) : "";
      for (const int error : plausible_errors(call)) {
        if (!is_plausible(call, subject, error) || !can_be(call, error)) continue;
        for (const bool always : {false, true}) {
          if (always && (count < 2 || !can_last(error))) continue;
          const std::string name =
              std::string(init.name) + ": " + key + " " + name_of_error(error) + (always ? " always" : " once");
          const Fault fault{call, subject, error, always};
          rows.push_back(
              {"command", init.name, name, [init, fault](const Setting& now) { return run(now, init, fault); }});
        }
      }
    }
  }
  return rows;
}

}  // namespace cinit::reliability
