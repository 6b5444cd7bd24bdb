// Part (a): every system call that PID 1 makes, failing in every way that its man page names: once, always, now and then.
#include <sys/wait.h>

#include <algorithm>
#include <memory>
#include <random>

#include "calls.hpp"
#include "expectations.hpp"
#include "story.hpp"

namespace cinit::reliability {

namespace {

// The same story without a fault.
struct Normal {
  std::map<std::string, int> counts;
  std::set<std::string> lines;
  long calls = 0;
};

constexpr const char* kAnySubject = "(any)";

struct Fault {
  std::string call;
  std::string subject;
  int error = 0;
  Mode mode = Mode::Once;
  unsigned round = 0;  // of several with other seeds

  std::string key() const { return call + (subject == kAnySubject ? subject : "(" + subject + ")"); }
  std::string name() const {
    return key() + " " + name_of_error(error) + " " + name_of(mode) + (round > 0 ? " " + std::to_string(round) : "");
  }
};

// Decides which calls fail. It keeps count of what it has done.
class Thrower {
 public:
  Thrower(const Fault& fault, std::uint64_t seed) : fault_(fault), random_(seed) {}

  int decide(const PendingCall& call) {
    if (call.name != fault_.call || (fault_.subject != kAnySubject && call.subject != fault_.subject)) return 0;
    if (!is_plausible(call.name, call.subject, fault_.error)) return 0;
    if (fault_.mode == Mode::Once && thrown_ > 0) return 0;
    if (fault_.mode == Mode::NowAndThen && random_() % 4 != 0) return 0;
    if (thrown_++ == 0) came_first_ = call.starts == 0;
    return fault_.error;
  }
  int thrown() const { return thrown_; }
  // Whether the first fault came before PID 1 had started any process.
  bool came_first() const { return came_first_; }

 private:
  Fault fault_;
  std::minstd_rand random_;
  int thrown_ = 0;
  bool came_first_ = false;
};

bool is_documented(int code) {
  for (const int one : {0, 1, 64, 78, 126, 127, 137}) {
    if (code == one) return true;
  }
  return false;
}

Strings new_lines(const Normal& normal, const std::string& log) {
  Strings found;
  for (const std::string& line : split_lines(log)) {
    const auto kinds = kinds_of_lines(line);
    if (!kinds.empty() && !normal.lines.contains(*kinds.begin())) found.push_back(line);
  }
  return found;
}

long most_calls(const Normal& normal) { return normal.calls * 4 + 4000; }

void judge(const Fault& fault, const Normal& normal, const StoryEnd& end, bool came_first, Outcome& outcome) {
  const Excuse excuse = excuse_for(fault.call, fault.subject, fault.error, fault.mode);
  const bool was_killed = end.calls >= most_calls(normal) ||
                          std::any_of(end.wrongs.begin(), end.wrongs.end(),
                                      [](const std::string& wrong) { return wrong.starts_with("the stop"); });
  for (const std::string& wrong : end.wrongs) {
    if (excuse.broken_stop && wrong.starts_with("the stop")) continue;
    if (excuse.identity && wrong.find(" ran as ") != std::string::npos) continue;
    outcome.fail(wrong);
  }
  if (end.fault != 0 && !excuse.death) outcome.fail("PID 1 died of signal " + std::to_string(end.fault));
  if (end.fault == 0 && end.status && WIFSIGNALED(*end.status) && !was_killed && !excuse.death) {
    outcome.fail("PID 1 was killed by signal " + std::to_string(WTERMSIG(*end.status)));
  }
  if (end.status && WIFEXITED(*end.status)) {
    const int code = WEXITSTATUS(*end.status);
    const bool out_of_memory = code == 70 && fault.error == ENOMEM;
    if (!is_documented(code) && !out_of_memory) outcome.fail("exit code " + std::to_string(code));
    if (end.losses.empty() && code != 0) outcome.fail("nothing was lost, and the exit code is " + std::to_string(code));
  }
  if (!excuse.broken_stop) {
    outcome.require(end.quiet_calls < 400, "busy: " + std::to_string(end.quiet_calls) + " calls in 100 ms of quiet");
    outcome.require(end.calls < most_calls(normal),
                    "busy: " + std::to_string(end.calls) + " calls in all, normally " + std::to_string(normal.calls));
  }
  if (end.losses.empty()) return;
  std::string lost = end.losses.front();
  if (end.losses.size() > 1) lost += " and " + std::to_string(end.losses.size() - 1) + " more";
  if (new_lines(normal, end.log).empty() && !excuse.silence) outcome.fail("lost in silence: " + lost);
  // Before its first process PID 1 may refuse to start.
  const bool refused = came_first && !end.asked_to_stop;
  if (fault.mode == Mode::Once && passes(fault.error) && !excuse.loss && !refused) {
    outcome.fail("one error that passes cost: " + lost + " (code " +
                 (end.status ? std::to_string(code_of(*end.status)) : "-") + ")");
  }
}

StoryEnd live_with(const Setting& setting, const Normal& normal, Thrower& thrower, double patience) {
  StoryOptions options;
  options.most_calls = most_calls(normal);
  options.decide = [&thrower](const PendingCall& call) { return thrower.decide(call); };
  options.patience = patience;
  return live(setting, options);
}

Outcome throw_once(const Setting& setting, const Normal& normal, const Fault& fault, double patience) {
  Outcome outcome;
  Thrower thrower(fault, setting.seed + fault.round);
  const StoryEnd end = live_with(setting, normal, thrower, patience);
  judge(fault, normal, end, thrower.came_first(), outcome);
  outcome.note(std::to_string(thrower.thrown()) + " thrown");
  outcome.evidence = end.log;
  for (const std::string& loss : end.losses) outcome.evidence += "[lost] " + loss + "\n";
  return outcome;
}

// What fails is tried again with patience: a busy machine is not a fault of PID 1.
Outcome run(const Setting& setting, const Normal& normal, const Fault& fault) {
  Outcome outcome;
  for (const double patience : {1.0, 3.0, 10.0}) {
    outcome = throw_once(setting, normal, fault, patience);
    if (outcome.failures.empty()) break;
  }
  return outcome;
}

Normal record(const Setting& setting) {
  Normal normal;
  Setting patient{setting.workshop};
  patient.slowness = 10;
  // Twice, because the order of lines and the number of probes are a matter of chance.
  for (int i = 0; i < 2; ++i) {
    StoryOptions options;
    options.decide = [](const PendingCall&) { return 0; };
    const StoryEnd end = live(patient, options);
    if (!end.losses.empty() || !end.wrongs.empty() || !end.status || code_of(*end.status) != 0) {
      std::string text = "the story does not work without faults:";
      for (const std::string& loss : end.losses) text += " [" + loss + "]";
      for (const std::string& wrong : end.wrongs) text += " [" + wrong + "]";
      throw std::runtime_error(text + "\n" + end.log);
    }
    normal.lines.merge(kinds_of_lines(end.log));
    normal.calls = std::max(normal.calls, end.calls);
    for (const auto& [key, count] : end.counts) normal.counts[key] = std::max(normal.counts[key], count);
  }
  return normal;
}

// What no kernel does: to interrupt every call although all signals are blocked, to keep a connection that was aborted, and to say again and again that there is
// nothing (or no room) where it has said that there is.
bool can_last(const std::string& call, int error) {
  if (error == EINTR || error == ECONNABORTED) return false;
  const bool transfers = call.starts_with("read") || call.starts_with("write") || call.starts_with("recv") ||
                         call.starts_with("send") || call.starts_with("accept");
  return error != EAGAIN || !transfers;
}

void add_faults(std::vector<Fault>& faults, const std::string& call, const std::string& subject, int count,
                unsigned rounds) {
  for (const int error : plausible_errors(call)) {
    if (subject != kAnySubject && !is_plausible(call, subject, error)) continue;
    if (subject != kAnySubject) faults.push_back({call, subject, error, Mode::Once});
    if ((subject == kAnySubject || count > 1) && can_last(call, error))
      faults.push_back({call, subject, error, Mode::Always});
    if (subject == kAnySubject || count > 3) {
      for (unsigned i = 0; i < rounds; ++i) faults.push_back({call, subject, error, Mode::NowAndThen, i});
    }
  }
}

std::vector<Fault> all_faults(const Normal& normal, unsigned rounds) {
  std::vector<Fault> faults;
  std::map<std::string, int> of_call;
  for (const auto& [key, count] : normal.counts) {
    const std::string call = key.substr(0, key.find('('));
    const std::string subject = key.substr(call.size() + 1, key.size() - call.size() - 2);
    add_faults(faults, call, subject, count, rounds);
    if (!subject.empty()) of_call[call] += count;
  }
  for (const auto& [call, count] : of_call) add_faults(faults, call, kAnySubject, count, rounds);
  return faults;
}

Outcome unknown_call(const std::string& call) {
  Outcome outcome;
  outcome.fail(call + " is not in the table of calls.cpp: say how it may fail");
  return outcome;
}

}  // namespace

std::vector<Row> fault_rows(const Setting& setting, const Strings& previous) {
  const auto normal = std::make_shared<const Normal>(record(setting));
  std::vector<Fault> faults = all_faults(*normal, setting.soak ? 10 : 1);
  std::minstd_rand random(static_cast<unsigned>(setting.seed));
  std::shuffle(faults.begin(), faults.end(), random);
  const auto has_failed = [&previous](const Fault& fault) {
    return std::find(previous.begin(), previous.end(), fault.name()) != previous.end();
  };
  std::stable_partition(faults.begin(), faults.end(), has_failed);
  std::vector<Row> rows;
  for (const auto& [key, count] : normal->counts) {
    const std::string call = key.substr(0, key.find('('));
    if (!is_known_call(call))
      rows.push_back({"faults", call, call, [call](const Setting&) { return unknown_call(call); }});
  }
  for (const Fault& fault : faults) {
    rows.push_back(
        {"faults", fault.call, fault.name(), [normal, fault](const Setting& now) { return run(now, *normal, fault); }});
    rows.back().may_be_left_out = !has_failed(fault);
  }
  return rows;
}

}  // namespace cinit::reliability
