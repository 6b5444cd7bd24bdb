#include "simulation/fake_kernel.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/overloaded.hpp"

namespace cinit::core::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Signal kKill{9};
constexpr Signal kTerminate{15};
constexpr Signal kContinue{18};
constexpr Signal kStop{19};

constexpr int kNoEntry = 2;
constexpr int kAgain = 11;
constexpr int kNoAccess = 13;

// Many things happen at the same instant when times are multiples of this.
constexpr Duration kGrain = 50ms;

Time round_up(Time at) {
  const Duration since = at.time_since_epoch();
  return Time((since + kGrain - 1ns) / kGrain * kGrain);
}

}  // namespace

FakeKernel::FakeKernel(const Plan& plan, Climate climate, std::uint64_t seed, Record& record, Violations& violations)
    : plan_(plan), climate_(climate), random_(seed), record_(record), violations_(violations) {
  for (std::size_t i = 0; i < plan.services.size(); ++i) {
    if (chance(climate_.broken)) broken_.insert(static_cast<ServiceId>(i));
  }
}

void FakeKernel::carry_out(const Action& action, Time now) {
  now_ = now;
  if (left_) violations_.push_back("an action after Exit");
  std::visit([this](const auto& what) { do_action(what); }, action);
}

// ---- Actions

void FakeKernel::do_action(const Spawn& action) {
  if (launches_.contains(action.service)) violations_.push_back("two starts at once");
  Launch& launch = launches_[action.service];
  if (!chance(climate_.starts_slowly)) return answers_.push_back(finish(action.service, launch));
  launch.ends_at = chance(climate_.start_hangs) ? kNever : now_ + some_time(3s);
  write(entry::LaunchBegan{action.service});
}

// Its program begins, or it fails at last.
Event FakeKernel::finish(ServiceId service, Launch& launch) {
  launch.over = true;
  launch.failure = refusal(service);
  if (launch.failure) {
    write(entry::Refused{service, *launch.failure});
    return SpawnFailed{service, *launch.failure};
  }
  mains_[service] = Main{give_birth(Kind::Leader, service, std::nullopt), false};
  return Spawned{service};
}

bool FakeKernel::answers(const Event& event, ServiceId service) {
  const auto* spawned = std::get_if<Spawned>(&event);
  const auto* failed = std::get_if<SpawnFailed>(&event);
  return (spawned && spawned->service == service) || (failed && failed->service == service);
}

// The process is killed before its program has done anything, and nobody is told of its end.
void FakeKernel::do_action(const CancelSpawn& action) {
  const auto found = launches_.find(action.service);
  if (found == launches_.end()) return violations_.push_back("the end of a start that is not under way");
  write(entry::LaunchCancelled{action.service});
  const auto is_its = [&](const Event& event) { return answers(event, action.service); };
  std::erase_if(untold_, is_its);
  std::erase_if(answers_, is_its);
  if (found->second.over && !found->second.failure) {
    Main& main = mains_.at(action.service);
    main.told = main.reaped = main.forgotten = true;
    for (auto& [pid, process] : processes_) {
      if (process.leader == main.pid && process.kind != Kind::Daemon) signal(process, kKill, Means::ToGroup);
    }
  }
  launches_.erase(found);
}

std::optional<Event> FakeKernel::take_answer() {
  if (answers_.empty()) return std::nullopt;
  const Event answer = answers_.front();
  answers_.pop_front();
  telling(answer);
  return answer;
}

std::optional<StartFailure> FakeKernel::refusal(ServiceId service) {
  const bool no_slots = now_ >= climate_.no_slots_from && now_ < climate_.no_slots_until;
  if (no_slots || chance(climate_.spawn_fails)) return StartFailure{StartStage::Fork, kAgain, "", true};
  if (!broken_.contains(service)) return std::nullopt;
  return StartFailure{StartStage::Exec, index_of(service) % 2 == 0 ? kNoEntry : kNoAccess, "", false};
}

void FakeKernel::do_action(const SendSignal& action) {
  const auto found = mains_.find(action.service);
  const bool to_group = action.target == SendSignal::Target::Group;
  if (found == mains_.end() || (to_group ? found->second.forgotten : found->second.reaped)) {
    violations_.push_back("a signal for " + plan_[action.service].spec.name + ", of which nothing may be left");
    return;
  }
  const Main& main = found->second;
  const Means means = to_group ? Means::ToGroup : Means::ToMain;
  if (main.ended && !main.reaped) write(entry::Signalled{main.pid, action.signal, means});
  for (auto& [pid, process] : processes_) {
    if (process.leader != main.pid || process.kind == Kind::Daemon) continue;
    if (to_group || process.kind == Kind::Leader) signal(process, action.signal, means);
  }
}

void FakeKernel::do_action(const WatchGroup& action) {
  const auto found = mains_.find(action.service);
  if (found == mains_.end() || !found->second.told || found->second.reaped || found->second.watched) {
    violations_.push_back("a watch on " + plan_[action.service].spec.name + " at the wrong time");
    return;
  }
  found->second.watched = true;
  write(entry::GroupWatched{action.service});
}

void FakeKernel::do_action(const ForgetGroup& action) {
  Main& main = mains_.at(action.service);
  if (!main.watched || main.forgotten) violations_.push_back("a group is forgotten that is not watched");
  main.forgotten = true;
  write(entry::GroupForgotten{action.service});
}

// No random plan has a service that reads from another.
void FakeKernel::do_action(const CloseInput& action) {
  violations_.push_back("the end of an input that " + plan_[action.service].spec.name + " does not have");
}

void FakeKernel::do_action(const RunTask& action) {
  const auto found = commands_.find(action.service);
  if (found != commands_.end()) violations_.push_back("two commands at once for " + plan_[action.service].spec.name);
  write(entry::TaskBegan{action.service, action.task, action.index, action.number});
  Command command{action.number, now_ + (chance(30) ? 0s : some_time(2s)), WaitStatus::exited(0)};
  if (chance(climate_.commands_hang)) command.ends_at = kNever;
  if (chance(climate_.commands_fail)) command.result = WaitStatus::exited(1);
  if (chance(climate_.spawn_fails / 4)) {
    command.result = StartFailure{StartStage::Exec, chance(50) ? kAgain : kNoEntry, "", false};
    std::get<StartFailure>(command.result).transient = std::get<StartFailure>(command.result).error == kAgain;
    command.ends_at = now_;
  }
  commands_.insert_or_assign(action.service, command);
}

void FakeKernel::do_action(const SignalTask& action) {
  const auto found = commands_.find(action.service);
  if (found == commands_.end()) return violations_.push_back("a signal for a command that is not there");
  write(entry::TaskSignalled{action.service, action.signal});
  if (action.signal != kTerminate || found->second.over || chance(climate_.ignores_signals)) return;
  found->second.result = chance(30) ? WaitStatus::exited(0) : WaitStatus::signaled(kTerminate);
  found->second.ends_at = std::min(found->second.ends_at, now_ + (chance(50) ? 0s : some_time(1s)));
}

// What has been queued may be told all the same.
void FakeKernel::do_action(const EndTask& action) {
  write(entry::TaskGivenUp{action.service});
  if (commands_.erase(action.service) == 0) violations_.push_back("the end of a command that is not there");
}

void FakeKernel::do_action(const StartProbe& action) {
  if (checks_.contains(action.service)) violations_.push_back("two probes at once");
  write(entry::ProbeBegan{action.service, action.use, action.number});
  const Time ends_at = chance(climate_.probes_hang) ? kNever : now_ + (chance(50) ? 0s : some_time(4s));
  checks_.insert_or_assign(action.service, Check{action.number, ends_at, !chance(climate_.probes_fail)});
}

void FakeKernel::do_action(const EndProbe& action) {
  write(entry::ProbeGivenUp{action.service});
  if (checks_.erase(action.service) == 0) violations_.push_back("the end of a probe that is not there");
}

void FakeKernel::do_action(const Sweep& action) {
  write(entry::Swept{action.repeat});
  look_for_the_end();
  for (auto& [pid, process] : processes_) {
    if (belongs_to_running_service(process) || (process.swept && !action.repeat)) continue;
    process.swept = true;
    signal(process, kTerminate, Means::Sweep);
    signal(process, kContinue, Means::Sweep);
  }
}

// A service runs until the end of its main process has been told, or its group is empty when that was asked for.
bool FakeKernel::belongs_to_running_service(const Process& process) const {
  if (process.kind == Kind::Daemon) return false;
  const Main& main = mains_.at(process.service);
  if (main.pid != process.leader) return false;
  return !main.told || (main.watched && !main.forgotten);
}

void FakeKernel::do_action(const KillEverything& action) {
  write(entry::KilledEverything{action.spare_main_command});
  look_for_the_end();
  for (auto& [pid, process] : processes_) {
    if (!action.spare_main_command || !is_spared(process)) signal(process, kKill, Means::KillEverything);
  }
}

// With the main command its group is spared.
bool FakeKernel::is_spared(const Process& process) const {
  return plan_.is_main(process.service) && belongs_to_running_service(process);
}

void FakeKernel::do_action(const Announce& action) { write(entry::Said{action.notice}); }

void FakeKernel::do_action(const Exit& action) {
  write(entry::Left{action.code, action.abandoned});
  if (!launches_.empty()) violations_.push_back("a start is left behind");
  if (!commands_.empty()) violations_.push_back("a command is left behind");
  if (!checks_.empty()) violations_.push_back("a probe is left behind");
  left_ = true;
}

// ---- Processes

Pid FakeKernel::give_birth(Kind kind, ServiceId service, std::optional<Pid> leader) {
  const Pid pid{++last_pid_};
  Process process{.pid = pid,
                  .kind = kind,
                  .service = service,
                  .leader = leader.value_or(pid),
                  .ignores_signals = chance(climate_.ignores_signals),
                  .takes_to_end = chance(40) ? 0s : some_time(3s),
                  .takes_to_die = chance(climate_.undying) ? some_time(chance(30) ? 20s : 2s) : 0s,
                  .end_status = WaitStatus::exited(0),
                  .dies_of_signals = chance(50)};
  if (chance(climate_.fails)) {
    process.end_status =
        chance(30) ? WaitStatus::signaled(Signal{11}) : WaitStatus::exited(static_cast<int>(1 + random_.below(5)));
  }
  const bool is_oneshot = kind == Kind::Leader && plan_[service].spec.type == config::ServiceType::Oneshot;
  // A main command that is never killed must end some time, or the simulation would not.
  const bool must_end = kind == Kind::Leader && plan_.is_main(service) && plan_.main_is_never_killed();
  if (must_end) {
    process.ends_at = now_ + 10ms + Duration(std::chrono::milliseconds(random_.below(40000)));
  } else if (is_oneshot || chance(climate_.ends_by_itself)) {
    const Duration runs = 10ms + some_time(chance(50) ? 2s : 25s);
    process.ends_at = chance(50) ? now_ + runs : round_up(now_ + runs);
  }
  if (kind != Kind::Daemon && chance(climate_.forks)) process.forks_at = round_up(now_ + some_time(4s));
  if (chance(climate_.suspended)) process.suspends_at = round_up(now_ + some_time(10s));
  const config::Service& spec = plan_[service].spec;
  const bool watched = spec.health && std::holds_alternative<config::Watchdog>(spec.health->check);
  if (kind == Kind::Leader && (spec.ready || watched) && !chance(climate_.never_tells)) {
    process.tells_at = now_ + (chance(30) ? 0s : some_time(4s));
  }
  const bool is_to_fork = kind == Kind::Leader && spec.type == config::ServiceType::Forking;
  if (is_to_fork && !chance(climate_.never_tells)) process.forked_at = now_ + (chance(30) ? 0s : some_time(3s));
  write(entry::Born{pid, kind, service, process.leader});
  processes_.emplace(pid, process);
  return pid;
}

void FakeKernel::signal(Process& process, Signal signal, Means means) {
  write(entry::Signalled{process.pid, signal, means});
  if (signal == kKill) {
    process.suspended = false;
    process.ignores_signals = true;  // it is not its own master any more
    process.while_suspended.reset();
    process.end_status = WaitStatus::signaled(kKill);
    process.forks_at = process.suspends_at = process.tells_at = process.forked_at = kNever;
    process.ends_at = now_ + process.takes_to_die;
  } else if (signal == kContinue) {
    process.suspended = false;
    if (process.while_suspended) take_effect(process, *std::exchange(process.while_suspended, std::nullopt));
  } else if (process.suspended) {
    if (reacts_to(process, signal)) process.while_suspended = signal;
  } else {
    take_effect(process, signal);
  }
}

bool FakeKernel::reacts_to(const Process& process, Signal signal) const {
  return !process.ignores_signals && (signal == kTerminate || signal == plan_[process.service].spec.stop_signal);
}

void FakeKernel::take_effect(Process& process, Signal signal) {
  if (!reacts_to(process, signal)) return;
  if (process.dies_of_signals) process.end_status = WaitStatus::signaled(signal);
  const Duration delay = process.dies_of_signals ? 0s : process.takes_to_end;
  process.ends_at = std::min(process.ends_at, now_ + delay);
}

Time FakeKernel::due_time(const Process& process) const {
  if (process.suspended) return kNever;
  return std::min({process.ends_at, process.forks_at, process.suspends_at, process.tells_at, process.forked_at});
}

Time FakeKernel::next_process_event() const {
  Time next = kNever;
  for (const auto& [pid, process] : processes_) next = std::min(next, due_time(process));
  for (const auto& [service, launch] : launches_) next = std::min(next, launch.over ? kNever : launch.ends_at);
  for (const auto& [service, command] : commands_) next = std::min(next, command.over ? kNever : command.ends_at);
  for (const auto& [service, check] : checks_) next = std::min(next, check.over ? kNever : check.ends_at);
  return next;
}

std::vector<FakeKernel::Due> FakeKernel::due(Time now) {
  std::vector<Due> due;
  for (const auto& [pid, process] : processes_) {
    if (due_time(process) <= now) due.emplace_back(pid);
  }
  for (const auto& [service, launch] : launches_) {
    if (!launch.over && launch.ends_at <= now) due.emplace_back(service);
  }
  for (auto& [service, command] : commands_) {
    if (!command.over && command.ends_at <= now) due.emplace_back(&command);
  }
  for (auto& [service, check] : checks_) {
    if (!check.over && check.ends_at <= now) due.emplace_back(&check);
  }
  return due;
}

bool FakeKernel::step(Time now) {
  now_ = now;
  const std::vector<Due> all = due(now);
  if (all.empty()) return false;
  std::visit(Overloaded{
                 [&](Pid pid) { act(processes_.at(pid)); },
                 [&](ServiceId starts) { untold_.push_back(finish(starts, launches_.at(starts))); },
                 [&](auto* beside) { finish(*beside); },
             },
             all[random_.below(all.size())]);
  return true;
}

void FakeKernel::finish(Command& command) {
  const auto found =
      std::find_if(commands_.begin(), commands_.end(), [&](const auto& entry) { return &entry.second == &command; });
  command.over = true;
  write(entry::TaskOver{found->first, command.number});
  untold_.emplace_back(TaskEnded{found->first, command.result, command.number});
}

void FakeKernel::finish(Check& check) {
  const auto found =
      std::find_if(checks_.begin(), checks_.end(), [&](const auto& entry) { return &entry.second == &check; });
  check.over = true;
  untold_.emplace_back(ProbeEnded{found->first, check.passes, "no", check.number});
}

// That it is ready; later, that it is well, as long as it is.
void FakeKernel::tell(Process& process) {
  process.tells_at = kNever;
  const config::Service& spec = plan_[process.service].spec;
  if (spec.ready) untold_.emplace_back(ToldReady{process.service});
  const auto* watchdog = spec.health ? std::get_if<config::Watchdog>(&spec.health->check) : nullptr;
  if (!watchdog) return;
  untold_.emplace_back(Notified{.service = process.service, .watchdog = true, .watchdog_trigger = chance(3)});
  if (!chance(climate_.never_tells)) process.tells_at = now_ + 1ms + some_time(watchdog->within * 5 / 4);
}

void FakeKernel::act(Process& process) {
  if (process.forks_at <= now_) {
    process.forks_at = chance(30) ? round_up(now_ + some_time(4s) + 1ns) : kNever;
    give_birth(chance(60) ? Kind::Background : Kind::Daemon, process.service, process.leader);
  } else if (process.suspends_at <= now_) {
    process.suspends_at = kNever;
    process.suspended = true;
    if (process.kind == Kind::Leader && plan_.is_main(process.service)) main_suspension_untold_ = true;
  } else if (process.tells_at <= now_) {
    tell(process);
  } else if (process.forked_at <= now_) {
    process.forked_at = kNever;
    untold_.emplace_back(Forked{process.service});
  } else {
    end(process.pid);
  }
}

void FakeKernel::end(Pid pid) {
  const Process process = processes_.at(pid);
  processes_.erase(pid);
  write(entry::Ended{pid, process.end_status});
  if (process.kind != Kind::Leader) return;
  Main& main = mains_.at(process.service);
  if (main.pid != pid) return;
  main.ended = process.end_status;
  const bool is_simple = plan_[process.service].spec.type == config::ServiceType::Simple;
  const bool is_service = plan_[process.service].role == Role::Service;
  if (is_simple && is_service && *main.ended == WaitStatus::exited(0) && chance(climate_.goes_on))
    main.went_on = "it (9)";
}

bool FakeKernel::group_is_empty(Pid leader) const {
  return std::none_of(processes_.begin(), processes_.end(), [&](const auto& entry) {
    return entry.second.leader == leader && entry.second.kind != Kind::Daemon;
  });
}

Duration FakeKernel::some_time(Duration longest) {
  // Short times are as likely as long ones.
  Duration span = longest;
  while (span > 1ms && chance(60)) span /= 3;
  return Duration(static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(span.count()))));
}

// ---- News

std::vector<Event> FakeKernel::news() const {
  std::vector<Event> news;
  bool zombies = false;
  for (const auto& [service, main] : mains_) {
    zombies = zombies || (main.ended && !main.reaped);
    if (main.ended && main.known && !main.told) news.emplace_back(Exited{service, *main.ended, main.went_on});
    if (main.watched && main.reaped && !main.forgotten && group_is_empty(main.pid))
      news.emplace_back(GroupEmptied{service});
  }
  if (main_suspension_untold_) news.emplace_back(MainSuspended{kStop});
  std::copy_if(untold_.begin(), untold_.end(), std::back_inserter(news),
               [this](const Event& event) { return is_tellable(event); });
  const bool nothing_left =
      end_is_looked_for_ && processes_.empty() && launches_.empty() && commands_.empty() && !zombies;
  if (nothing_left && !told_nothing_left_) news.emplace_back(NothingLeft{});
  return news;
}

// What a program says is heard after it is known that it runs.
bool FakeKernel::is_tellable(const Event& event) const {
  const auto* ready = std::get_if<ToldReady>(&event);
  const auto* notified = std::get_if<Notified>(&event);
  const auto* forked = std::get_if<Forked>(&event);
  if (forked && (launches_.contains(forked->service) || mains_.at(forked->service).ended)) return false;
  return !(ready && launches_.contains(ready->service)) && !(notified && launches_.contains(notified->service));
}

// The first of its kind: it is told now.
template <class Kind>
void FakeKernel::forget(const Kind& told) {
  const auto found = std::find_if(untold_.begin(), untold_.end(), [&](const Event& untold) {
    const auto* same = std::get_if<Kind>(&untold);
    if (!same || same->service != told.service) return false;
    if constexpr (requires { same->number; }) return same->number == told.number;
    return true;
  });
  if (found != untold_.end()) untold_.erase(found);
}

void FakeKernel::telling(const Event& event) {
  told_nothing_left_ = std::holds_alternative<NothingLeft>(event);
  std::visit(Overloaded{
                 [&](const Spawned& spawned) {
                   launches_.erase(spawned.service);
                   mains_.at(spawned.service).known = true;
                   forget(spawned);
                 },
                 [&](const SpawnFailed& failed) {
                   launches_.erase(failed.service);
                   forget(failed);
                 },
                 [&](const Exited& exited) { mains_.at(exited.service).told = true; },
                 [&](const GroupEmptied& emptied) { mains_.at(emptied.service).forgotten = true; },
                 [&](const MainSuspended&) { main_suspension_untold_ = false; },
                 [&](const TaskEnded& ended) {
                   const auto found = commands_.find(ended.service);
                   if (found != commands_.end() && found->second.number == ended.number) commands_.erase(found);
                   forget(ended);
                 },
                 [&](const ProbeEnded& ended) {
                   const auto found = checks_.find(ended.service);
                   if (found != checks_.end() && found->second.number == ended.number) checks_.erase(found);
                   forget(ended);
                 },
                 [&](const Forked& forked) { forget(forked); },
                 [&](const ToldReady& told) { forget(told); },
                 [&](const Notified& notified) { forget(notified); },
                 [](const auto&) {},
             },
             event);
}

void FakeKernel::told(const Event& event, Time now) {
  now_ = now;
  const auto* exited = std::get_if<Exited>(&event);
  if (!exited) return;
  Main& main = mains_.at(exited->service);
  main.reaped = true;
  // What it has said before its end is read no more.
  std::erase_if(untold_, [&](const Event& untold) {
    const auto* ready = std::get_if<ToldReady>(&untold);
    const auto* notified = std::get_if<Notified>(&untold);
    const auto* forked = std::get_if<Forked>(&untold);
    if (forked && forked->service == exited->service) return true;
    return (ready && ready->service == exited->service) || (notified && notified->service == exited->service);
  });
  main.forgotten = !main.watched;
  write(entry::Reaped{main.pid});
}

}  // namespace cinit::core::simulation
